"""Test the answers of a model behind a real server in another process, which fails, is slow and refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataset_builder.errors import InputError
from dataset_builder.server.settings import Server
from eval.generation.served_answers import answer_by_server
from eval.prompting import Answer, Prompt, PromptForm
from eval.served_model import ServedModel
from tests.eval.questions import corpus_question
from tests.running_chat_server import requests_in, serving

QUESTIONS = [
    corpus_question(f"What is {number}?", context=f"Cache {number} is small. It misses.", paper_id=str(number))
    for number in range(8)
]
ANSWERS = {number: Answer(f"Cache {number} is small.", is_cut=False) for number in range(8)}


def ask(url: str, form: PromptForm = "chat") -> dict[int, Answer]:
    """Return the answers by the number of the question, after waits too short to notice."""
    model = ServedModel("big", Server(url, "lab/big", backoff=0.001, timeout=60.0))
    answers: dict[int, Answer] = {}
    answer_by_server(model, QUESTIONS, Prompt(form), answers.update)
    return answers


def test_faults_lose_no_answer(tmp_path: Path) -> None:
    """Late, rate limits, a server's errors, a cut connection, two wrong responses, cut off, a model still loading."""
    script = {
        "Cache 0 ": ["after:5"],
        "Cache 1 ": ["status:429,0", "status:429"],
        "Cache 2 ": ["status:500"],
        "Cache 3 ": ["cut connection"],
        "Cache 4 ": ["no choices", "half of the JSON"],
        "Cache 5 ": ["cut text"],
        "Cache 6 ": ["status:503"] * 4,
    }
    with serving(tmp_path, script) as (url, log):
        answers = ask(url)
        # 8 questions, and the second tries: 2 + 1 + 1 + 2 + 4.
        assert len(requests_in(log)) == 18
    # Half of "Cache 5 is small.", without the space at its end.
    assert answers == ANSWERS | {5: Answer("Cache 5", is_cut=True)}


@pytest.mark.parametrize(
    ("form", "asked"),
    [
        (
            "chat",
            "Do it.\n\nAbstract: Cache 0 is small. It misses.\n\nQuestion: What is 0?\n\n"
            "Answer in one or two sentences.",
        ),
        ("plain", "Do it.\n\nAbstract: Cache 0 is small. It misses.\n\nQuestion: What is 0?\n\nAnswer:"),
    ],
)
def test_all_questions_are_asked_at_once_and_greedily(tmp_path: Path, form: PromptForm, asked: str) -> None:
    """The server answers none before all eight have arrived: as a chat, or as a text to continue."""
    with serving(tmp_path, {"": ["until in flight:8"] * 8}) as (url, log):
        assert ask(url, form) == ANSWERS
        body = next(request["body"] for request in requests_in(log) if "Cache 0 " in str(request["body"]))
    prompt = {"messages": [{"role": "user", "content": asked}]} if form == "chat" else {"prompt": asked}
    assert body == {"model": "lab/big", "max_tokens": 64, "temperature": 0.0, **prompt}


def test_abstract_that_is_too_long_is_named_at_the_end(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The other questions are answered first."""
    answers: dict[int, Answer] = {}
    with serving(tmp_path, {"Cache 2 ": ["refuse:the request exceeds the available context size"]}) as (url, _):
        model = ServedModel("big", Server(url, "lab/big"))
        with pytest.raises(
            InputError, match=r"no answer to 1 of 8 questions\..*does not fit into the server's context"
        ):
            answer_by_server(model, QUESTIONS, Prompt("chat"), answers.update)
    assert answers == {number: answer for number, answer in ANSWERS.items() if number != 2}
    assert "2, 'What is 2?': HTTP 400" in caplog.text


@pytest.mark.parametrize(
    ("acts", "message"),
    [
        (["status:404"] * 99, r"^big=openai:http://.*/v1#lab/big: HTTP 404 \(no\)\. Finished responses are kept"),
        (["refuse:maximum context length"] * 99, "does not fit into the server's context"),
    ],
)
def test_server_that_refuses_everything_ends_the_run(tmp_path: Path, acts: list[str], message: str) -> None:
    """At once for a wrong name of the model, and at the end for a context that is too short for all abstracts."""
    with serving(tmp_path, {"": acts}) as (url, _), pytest.raises(InputError, match=message):
        ask(url)
