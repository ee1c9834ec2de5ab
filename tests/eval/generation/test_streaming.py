"""Test that an answer can be read while it is written."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.corpus.questions import Question
from dataset_builder.models.folders import find_model
from dataset_builder.models.language_model import load_model
from eval.generation.answers import answer_in_batches
from eval.generation.generation_rules import read_rules
from eval.generation.number_guard import NumberGuard
from eval.generation.number_tokens import NumberTokens
from eval.generation.streaming import stream_answer
from eval.prompting import PLAIN, Answer

QUESTION = Question("Do it", "Caches are small. They are fast.", "Why?")


@pytest.fixture(scope="module")
def model(tiny_base: Path) -> tuple[Any, Any]:
    """Return a model of random weights and its tokenizer."""
    return load_model(find_model("m", str(tiny_base)))


def number_tokens(network: Any, tokenizer: Any) -> NumberTokens:
    """Return the tokens for a number guard."""
    return NumberTokens(tokenizer, read_rules(network.generation_config, tokenizer).end_tokens)


def test_text_grows_to_the_answer(model: tuple[Any, Any]) -> None:
    """Each text begins the next one, and the answer is that of a batch."""
    tokens = number_tokens(*model)
    *texts, answer = stream_answer(*model, QUESTION, guard=NumberGuard(PLAIN.source(QUESTION), tokens))
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


def test_masks_of_one_question_are_not_kept_for_the_next(model: tuple[Any, Any]) -> None:
    """The first mask of each question is row 1."""
    tokens = number_tokens(*model)
    digit = tokens.with_digits["7"][0]
    first, second = tokens.with_new_masks(), tokens.with_new_masks()
    assert [first.row_number(()), first.row_number((digit,))] == [1, 2]
    assert second.row_number((digit,)) == 1
