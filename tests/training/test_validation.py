"""The validation answers, which decide the checkpoint that is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dataset_builder.corpus.load import load_corpus_split
from dataset_builder.models.folders import find_encoder
from eval.answer_similarity.answer_similarity import AnswerSimilarity
from eval.generation.answers import answer_in_batches
from eval.metrics.embedding import Encoder
from tests.training.small_trainers import tiny_model
from training.validation import ValidationAnswers


def test_similarity_is_the_evaluations_own(corpus: Path, tokenizer: Any, encoder: Path) -> None:
    """The mean over three questions is that of eval's functions; the model is in training mode afterwards."""
    compare = Encoder(find_encoder("encoder", str(encoder)))
    answers = ValidationAnswers(load_corpus_split(str(corpus), None, "validation"), 3, compare, tokenizer)
    assert len(answers.questions) == 3
    model = tiny_model("gpt2").train()
    found = answers.similarity(model)
    assert model.training
    given = {}
    for batch in answer_in_batches(model.eval(), tokenizer, answers.questions):
        given |= batch
    expected = AnswerSimilarity().compute(
        predictions=[given[number].text for number in range(3)],
        references=[question.answer for question in answers.questions],
        encoder=str(encoder),
    )
    assert found == pytest.approx(expected["cosine_similarity"], abs=1e-6)


def test_answers_do_not_feel_the_autocast_of_training(corpus: Path, tokenizer: Any, encoder: Path) -> None:
    """A forward that hides the model's own, as accelerate adds autocast, is not called, and is back afterwards."""
    compare = Encoder(find_encoder("encoder", str(encoder)))
    answers = ValidationAnswers(load_corpus_split(str(corpus), None, "validation"), 3, compare, tokenizer)
    model = tiny_model("gpt2")
    plain = answers.similarity(model)

    def autocast(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("was called")

    model.forward = autocast
    assert answers.similarity(model) == plain
    assert model.forward is autocast
