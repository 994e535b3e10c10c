"""The public names are promised: one is added or lost on purpose only."""

import inspect

import pytest

import impasto

PUBLIC = [
    "ImpastoError",
    "Picture",
    "StylizeConfig",
    "Stylizer",
    "Transfer",
    "TransferConfig",
    "dream",
    "evaluate",
    "invert",
    "load",
    "make_style",
    "read_picture",
    "styles",
    "stylize",
    "texture",
    "transfer",
    "translate",
    "write_picture",
]


def test_the_public_names_are_these():
    assert impasto.__all__ == PUBLIC, "name the change in CHANGELOG.md and renew the list here"


def test_the_public_names_are_sorted():
    assert sorted(PUBLIC) == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_resolves_and_says_what_it_is(name):
    assert inspect.getdoc(getattr(impasto, name))


def test_dir_lists_the_public_names():
    assert set(PUBLIC) <= set(dir(impasto))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="impressionism"):
        impasto.impressionism  # noqa: B018


def test_public_functions_take_at_most_two_positional_arguments():
    many = []
    for name in PUBLIC:
        value = getattr(impasto, name)
        if not inspect.isfunction(value):
            continue
        kinds = [p.kind for p in inspect.signature(value).parameters.values()]
        if sum(kind is inspect.Parameter.POSITIONAL_OR_KEYWORD for kind in kinds) > 2:
            many.append(name)
    assert not many
