"""Test the server that an address and the options of a command describe, and its key."""

from __future__ import annotations

import pytest

from dataset_builder.errors import InputError
from dataset_builder.server.settings import ServerOptions, find_key, find_server


@pytest.mark.parametrize(
    ("url", "variable", "key"),
    [
        ("https://router.huggingface.co/v1", None, "hf_saved"),
        ("http://router.huggingface.co/v1", None, None),
        ("https://nothuggingface.co/v1", None, None),
        ("https://huggingface.co.evil.example/v1", None, None),
        ("http://127.0.0.1:8000/v1", None, None),
        ("http://127.0.0.1:8000/v1", "MINE", "a-secret"),
        ("https://router.huggingface.co/v1", "MINE", "a-secret"),
    ],
)
def test_key_is_for_its_own_server(
    url: str, variable: str | None, key: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HF_TOKEN goes only to the hosts of Hugging Face, over https; a named variable goes to any server."""
    monkeypatch.setenv("HF_TOKEN", "hf_saved")
    monkeypatch.setenv("MINE", "a-secret")
    assert find_key(url, variable) == key


def test_key_that_is_not_set_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a misspelt variable no request is sent without a key."""
    monkeypatch.delenv("MINE", raising=False)
    with pytest.raises(InputError, match="--token-variable MINE: is not set"):
        find_key("http://127.0.0.1:8000/v1", "MINE")


@pytest.mark.parametrize("key", ["a-secret\n", "a sécret"])
def test_key_that_no_header_can_hold_is_an_error(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message does not contain the key."""
    monkeypatch.setenv("MINE", key)
    with pytest.raises(InputError, match="--token-variable MINE: its value has a line break") as raised:
        find_key("http://127.0.0.1:8000/v1", "MINE")
    assert "cret" not in str(raised.value)


@pytest.mark.parametrize("url", ["ftp://x", "http://", "http://x:port/v1", "http://[x/v1", "x"])
def test_wrong_address_is_refused(url: str) -> None:
    """Another scheme, no host, a port that is not a number, half an IPv6 address, no URL."""
    with pytest.raises(InputError, match="--endpoint: must be an http or https URL"):
        find_server("--endpoint", url, "m", ServerOptions())


def test_password_in_an_address_is_refused() -> None:
    """It would be stored with the address. The message does not contain it."""
    with pytest.raises(InputError, match="http://x/v1: its address contains a user or password") as raised:
        find_server("--endpoint", "http://me:a-secret@x/v1", "m", ServerOptions())
    assert "a-secret" not in str(raised.value)


def test_options_replace_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    """The representation of the server does not contain the key."""
    monkeypatch.setenv("MINE", "a-secret")
    server = find_server("--endpoint", "http://x", "m", ServerOptions(concurrency=2, token_variable="MINE"))
    assert (server.concurrency, server.retries, server.token) == (2, 6, "a-secret")
    assert "a-secret" not in repr(server)
