"""The service's own settings: closed by default, every limit a number that is a limit."""

import pytest

from impasto.errors import InputError
from impasto.service.server import KEY_VARIABLE, read_key
from impasto.service.settings import ServeConfig


def test_it_listens_on_loopback_unless_told_otherwise():
    assert ServeConfig().host == "127.0.0.1"


def test_stopping_fits_into_the_thirty_seconds_of_sagemaker():
    assert ServeConfig().drain < 30
    assert ServeConfig().timeout <= 60


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"host": "192.168.0.1"}, "host must be one of 127.0.0.1"),
        ({"port": 80}, "port must be at least 1024"),
        ({"workers": 0}, "workers must be at least 1"),
        ({"max_batch": 0}, "max_batch must be at least 1"),
        ({"max_queue": 0}, "max_queue must be at least 1"),
        ({"max_pixels": 0}, "max_pixels must be at least 1"),
        ({"timeout": float("nan")}, "timeout must be above 0.0"),
        ({"upload_timeout": 0.0}, "upload_timeout must be above 0.0"),
        ({"drain": -1.0}, "drain must be at least 0.0"),
        ({"max_bytes": "much"}, "max_bytes must be an amount of memory"),
        ({"max_memory": "0"}, "max_memory must be an amount of memory"),
    ],
)
def test_a_limit_that_is_none_is_refused(wrong, words):
    with pytest.raises(InputError) as error:
        ServeConfig(**wrong)
    assert words in str(error.value)


def test_the_key_comes_from_a_file_or_the_environment_and_never_from_a_flag(tmp_path, monkeypatch):
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    assert read_key(ServeConfig()) is None
    monkeypatch.setenv(KEY_VARIABLE, "from-the-environment")
    assert read_key(ServeConfig()) == "from-the-environment"
    file = tmp_path / "key.txt"
    file.write_text("from-the-file\n")
    assert read_key(ServeConfig(api_key_file=str(file))) == "from-the-file"


@pytest.mark.parametrize("text", ["", "short", "with a space", "ümlaute-im-key"])
def test_a_key_that_protects_nothing_is_refused(tmp_path, text):
    file = tmp_path / "key.txt"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="at least 8 letters"):
        read_key(ServeConfig(api_key_file=str(file)))
    with pytest.raises(InputError, match="cannot be read"):
        read_key(ServeConfig(api_key_file=str(tmp_path / "absent")))
