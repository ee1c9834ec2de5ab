"""Test requests to a real server in another process; tests of the generate stage have more of its faults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dataset_builder.errors import InputError
from dataset_builder.server.client import Completion, CompletionRequest, ServerClient
from dataset_builder.server.settings import Server
from tests.running_chat_server import requests_in, serving

PROMPT = "Abstract: Caches are small. They miss.\n\nQuestion: What?"


def ask(url: str, is_chat: bool = True, token: str | None = None) -> tuple[list[Completion], list[str]]:
    """Return the response to one request, or its failure."""
    client = ServerClient(Server(url, "m", token=token, backoff=0.001), "the server")
    completions = []

    async def finish(request: CompletionRequest) -> None:
        completions.append(await client.complete(request))

    failures = client.run([CompletionRequest("one", PROMPT, 64, 0.0, is_chat=is_chat)], finish)
    return completions, list(map(str, failures))


@pytest.mark.parametrize(
    ("is_chat", "path", "asked"),
    [
        (True, "/v1/chat/completions", {"messages": [{"role": "user", "content": PROMPT}]}),
        (False, "/v1/completions", {"prompt": PROMPT}),
    ],
)
def test_both_interfaces_give_a_text(tmp_path: Path, is_chat: bool, path: str, asked: dict[str, Any]) -> None:
    """A setting that the request does not have is not sent, so that the server's default applies."""
    with serving(tmp_path, {"": ["cut text"]}) as (url, log):
        completions, failures = ask(url, is_chat)
        (request,) = requests_in(log)
    # The first half of the abstract's first sentence.
    assert (completions, failures) == ([Completion("served-m", "Caches a", "length", 10)], [])
    assert request["path"] == path
    assert request["body"] == {"model": "m", "max_tokens": 64, "temperature": 0.0, **asked}


def test_prompt_that_is_too_long_says_so(tmp_path: Path) -> None:
    """With what the server said, and how to start it."""
    words = "This model's maximum context length is 512 tokens. However, you requested 700 tokens"
    with serving(tmp_path, {"": [f"refuse:{words}"]}) as (url, _):
        completions, failures = ask(url)
    assert completions == []
    assert failures == [
        f"HTTP 400 ({words}): the prompt does not fit into the server's context; start the server with a longer one "
        "(vLLM: --max-model-len, llama.cpp: --ctx-size)"
    ]


def test_key_is_not_in_the_message_of_a_server_that_repeats_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The server sends the whole header back."""
    with serving(tmp_path, {"": ["repeat the key"]}) as (url, _), pytest.raises(InputError) as raised:
        ask(url, token="a-secret")
    assert str(raised.value).startswith("the server: HTTP 401 (wrong key: Bearer [key]). ")
    assert "wrong key" in caplog.text and "a-secret" not in caplog.text


def test_key_does_not_follow_a_redirect_to_another_server(tmp_path: Path) -> None:
    """The other server has another port. It gets the request without the key."""
    (tmp_path / "other").mkdir()
    with (
        serving(tmp_path / "other") as (other, other_log),
        serving(tmp_path, {"": [f"redirect:{other}/chat/completions"]}) as (url, log),
    ):
        completions, _ = ask(url, token="a-secret")
        (first,), (second,) = requests_in(log), requests_in(other_log)
    assert completions[0].text == "Caches are small."
    assert first["headers"]["authorization"] == "Bearer a-secret"
    assert "authorization" not in second["headers"]
