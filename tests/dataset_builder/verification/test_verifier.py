"""The scores of a verifier, compared with the model's own probabilities of one answer at a time."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from dataset_builder.verification.load import find_verifier
from dataset_builder.verification.reader import AnswerReader
from dataset_builder.verification.verifier import Verifier

ABSTRACT = "Zebra turns off idle ways of large caches and saves 40% of their power on average."
OTHER = "Branches are predicted by a perceptron."


def test_scores_are_those_of_each_answer_by_itself(verifier: Path) -> None:
    """Forty answers on one abstract, which take two batches, and a longer one on another."""
    from transformers import AutoModelForTokenClassification, AutoTokenizer

    items = [(ABSTRACT, "How much is saved?", f"It saves {number}%.") for number in range(40)]
    items.insert(7, (OTHER, "What is predicted?", "Branches, which are predicted by a perceptron."))
    loaded = find_verifier("--verifier", str(verifier)).load()
    scores: dict[int, float] = {}
    batches = list(loaded.score_batches(items))
    for batch in batches:
        scores |= batch
    assert len(batches) == 2 and scores.keys() == set(range(41))
    model = AutoModelForTokenClassification.from_pretrained(verifier).eval()
    reader = AnswerReader(AutoTokenizer.from_pretrained(verifier), 256, 3)
    for number, item in enumerate(items):
        inputs = {name: torch.tensor([values]) for name, values in reader.read(*item).inputs.items()}
        with torch.inference_mode():
            logits = model(**inputs).logits[0, 0]
        assert model.config.id2label[0] == "supported"
        assert scores[number] == pytest.approx(logits.softmax(dim=0)[0].item(), abs=1e-5)
    assert len(set(scores.values())) > 1
    assert loaded.score_all(items) == [score for _, score in sorted(scores.items())]


def test_unread_answer_has_no_support(verifier: Path) -> None:
    """An empty answer, and one that is too long; the other answer keeps its place and its score."""
    loaded: Verifier = find_verifier("--verifier", str(verifier)).load()
    (alone,) = loaded.score_all([(ABSTRACT, "How much is saved?", "It saves 40%.")])
    assert alone > 0
    answers = (" ", "It saves 40%. " * 100, "It saves 40%.")
    items = [(ABSTRACT, "How much is saved?", answer) for answer in answers]
    assert loaded.score_all(items) == [0.0, 0.0, pytest.approx(alone, abs=1e-5)]
