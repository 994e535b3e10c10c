"""What SageMaker gives a container: a folder, an environment, a header."""

import shutil

import pytest

from impasto.errors import InputError, WeightsError
from impasto.service.sagemaker import MODEL_FOLDER, read_attributes, read_folder, settings_of
from impasto.service.settings import ServeConfig


def test_the_folder_is_the_contracts():
    assert MODEL_FOLDER.split("/") == ["", "opt", "ml", "model"]


def test_an_empty_or_absent_folder_leaves_the_bundled_painter(tmp_path):
    for folder in (tmp_path, tmp_path / "absent"):
        assert read_folder(folder, ServeConfig()) == (ServeConfig(), None)


def test_the_painter_and_the_styles_in_the_folder_are_taken(tmp_path, tiny_weights):
    shutil.copy(tiny_weights, tmp_path / "mine.safetensors")
    (tmp_path / "styles").mkdir()
    settings, styles = read_folder(tmp_path, ServeConfig(workers=2))
    assert settings.model == str(tmp_path / "mine.safetensors")
    assert (settings.workers, styles) == (2, tmp_path / "styles")
    named, _ = read_folder(tmp_path, ServeConfig(model="other.safetensors"))
    assert named.model == "other.safetensors"


def test_two_painters_are_one_too_many(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.safetensors").touch()
    with pytest.raises(WeightsError, match=r"one painter; got a\.safetensors, b\.safetensors\."):
        read_folder(tmp_path, ServeConfig())


def test_the_environment_sets_what_flags_would():
    environment = {
        "IMPASTO_SERVE_WORKERS": "2",
        "IMPASTO_SERVE_TIMEOUT": "50",
        "IMPASTO_SERVE_MAX_BYTES": "6M",
        "HOME": "/",
    }
    settings = settings_of(environment, ServeConfig(port=9000))
    assert (settings.workers, settings.timeout, settings.most_bytes) == (2, 50.0, 6 << 20)
    assert settings.port == 9000


@pytest.mark.parametrize(
    ("variable", "text", "words"),
    [
        ("WORKER", "2", "Did you mean workers?"),
        ("WORKERS", "two", "IMPASTO_SERVE_WORKERS: workers must be a whole number; got 'two'"),
        ("WORKERS", "0", "workers must be at least 1"),
    ],
)
def test_a_wrong_variable_is_named(variable, text, words):
    with pytest.raises(InputError) as error:
        settings_of({f"IMPASTO_SERVE_{variable}": text}, ServeConfig())
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("header", "pairs"),
    [
        ("style=great-wave;alpha=0.8", [("style", "great-wave"), ("alpha", "0.8")]),
        ("style=a, style=b", [("style", "a"), ("style", "b")]),
        ("style_weights=2,1;seed=3", [("style_weights", "2,1"), ("seed", "3")]),
        ("c000b4f9-df62-4c85-a0bf-7c525f9104a4", []),
        ("trace-1; alpha = 1 ", [("alpha", "1")]),
        ("", []),
        ("=,;=;", [("", ""), ("", "")]),
    ],
)
def test_the_header_is_read_piece_by_piece(header, pairs):
    assert read_attributes(header) == pairs
