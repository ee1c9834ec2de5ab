"""Test that an answer can be read while it is written."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.corpus.questions import Question
from dataset_builder.language_model import load_model
from dataset_builder.model_folders import find_model
from eval.generation.answers import answer_in_batches
from eval.generation.streaming import stream_answer
from eval.prompting import Answer

QUESTION = Question("Do it", "Caches are small. They are fast.", "Why?")


@pytest.fixture(scope="module")
def model(tiny_base: Path) -> tuple[Any, Any]:
    """Return a model of random weights and its tokenizer."""
    return load_model(find_model("m", str(tiny_base)))


def test_text_grows_to_the_answer(model: tuple[Any, Any]) -> None:
    """Each text begins the next one, and the answer is that of a batch."""
    *texts, answer = stream_answer(*model, QUESTION, is_guarded=True)
    ((_, expected),) = next(answer_in_batches(*model, [QUESTION], is_guarded=True)).items()
    assert answer == expected
    assert len(texts) > 1 and all(longer.startswith(text) for text, longer in itertools.pairwise(texts))
    assert answer.text.startswith(texts[0])


def test_error_of_the_model_ends_the_stream(model: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the error, the stream would wait for more text."""

    def fail(*_: object, **__: object) -> Answer:
        raise RuntimeError("no memory")

    monkeypatch.setattr("eval.generation.streaming.answer_alone", fail)
    with pytest.raises(RuntimeError, match="no memory"):
        list(stream_answer(*model, QUESTION))
