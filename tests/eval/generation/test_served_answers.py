"""Test the answers of a model behind a real server in another process, which fails, is slow and refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

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
    """Late, rate limits, a server's errors, a cut connection, a wrong response, cut off, a model still loading."""
    script = {
        "Cache 0 ": ["after:5"],
        "Cache 1 ": ["status:429,0", "status:429"],
        "Cache 2 ": ["status:500"],
        "Cache 3 ": ["cut connection"],
        "Cache 4 ": ["no choices"],
        "Cache 5 ": ["cut text"],
        "Cache 6 ": ["status:503"] * 4,
    }
    with serving(tmp_path, script) as (url, log):
        answers = ask(url)
        # 8 questions, and the second tries: 2 + 1 + 1 + 1 + 4.
        assert len(requests_in(log)) == 17
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
