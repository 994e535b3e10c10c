"""impasto evaluate: the table, the document, what is left out, skipped and refused."""

import json
import shlex

import pytest

from impasto.cli import verbs

SMALL = ("--size", "64", "--limit", "2")


def test_a_table_on_stdout_and_what_is_left_out_on_stderr(run):
    answer = run("evaluate", "swift", "--content", "holiday", "--style", "painting.jpg", *SMALL)
    assert answer.code == 0
    rows = [line.split("\t") for line in answer.out.splitlines()]
    assert rows[0] == ["figure", "mean", "spread", "worst", "of"]
    assert [row[0] for row in rows[1:]] == [
        "content", "style", "ssim", "grid", "seam", "border", "clipped",
    ]  # fmt: skip
    assert all("painting.jpg" in row[4] for row in rows[1:])
    assert answer.err.count("is left out") == 2
    assert "impasto models fetch vgg16." in answer.err


def test_the_document_and_the_folder_agree(run, home):
    words = ("evaluate", "swift", "--content", "holiday", "--style", "painting.jpg", *SMALL)
    answer = run(*words, "-o", "out", "--json")
    document = json.loads(answer.out)
    assert document == json.loads((home / "out" / "evaluation.json").read_text())
    assert document["settings"] == {"size": 64, "limit": 2, "seed": 0, "alpha": 1.0}
    assert (home / "out" / "sheet.png").is_file()
    assert len(list((home / "out" / "paintings").iterdir())) == len(document["pairs"]) == 2


def test_an_evaluation_is_not_replaced_unasked(run, refused):
    words = ("evaluate", "swift", "--content", "holiday", "--style", "painting.jpg", *SMALL)
    assert run(*words, "-o", "out").code == 0
    assert "exists already" in refused(*words, "-o", "out", code=5)
    assert run(*words, "-o", "out", "--overwrite").code == 0


def test_bad_files_are_named_and_the_exit_code_says_so(run, home):
    (home / "holiday" / "bad.png").write_text("text")
    answer = run("evaluate", "swift", "--content", "holiday", "--style", "painting.jpg",
                 "--size", "64")  # fmt: skip
    assert answer.code == 8
    assert "bad.png" in answer.err
    assert "2 pairs judged, 1 skipped." in answer.err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--style", "painting.jpg"), "needs --content or --pairs"),
        (("--content", "nowhere", "--style", "painting.jpg"), "there is no folder nowhere."),
        (("--content", "holiday"), "paints any style, so give --style"),
        (("--content", "holiday", "--size", "20"), "size must be at least 64; got 20."),
    ],
)
def test_wrong_wishes_are_one_sentence(refused, words, sentence):
    assert sentence in refused("evaluate", "swift", *words, code=2)


def test_every_example_in_the_help_is_understood():
    from impasto.cli.evaluate import evaluate
    from impasto.cli.parser import parse

    for line in verbs.examples_of(evaluate):
        assert parse(evaluate, "evaluate", shlex.split(line)[2:])["model"]
