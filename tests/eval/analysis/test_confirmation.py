"""The difference of a recipe from LoRA by each measure, and the confirmed share of its gain."""

from __future__ import annotations

import pytest

from eval.analysis.confirmation import PairedAnswers, confirmed_share
from eval.metrics.predictions import MetricValues, ScoredAnswers

PAPERS = ["a", "a", "b", "b"]
# Standard deviations 0.5, 1, 0.5 and 0.25.
LORA: MetricValues = {
    "cosine_similarity": [0.0, 1.0, 0.0, 1.0],
    "cosine_similarity_2": [0.0, 2.0, 0.0, 2.0],
    "rouge_l": [0.0, 1.0, 0.0, 1.0],
    "token_f1": [0.0, 0.5, 0.0, 0.5],
    "number_match": [1.0, None, 1.0, None],
}


def paired(**gains: float) -> PairedAnswers:
    """Return answers that gain as much over LoRA in every question."""
    values: MetricValues = {
        measure: [None if value is None else value + gains[measure] for value in own]
        for measure, own in LORA.items()
        if measure in gains
    }
    return PairedAnswers(ScoredAnswers(PAPERS, values), ScoredAnswers(PAPERS, LORA))


def test_each_measure_confirms_between_nothing_and_all() -> None:
    """A similarity of 0.1 more is 0.2 deviations. The others are 0.05 (a quarter of it), -0.2 and 4 deviations."""
    answers = {
        "plain": paired(cosine_similarity=0.1, cosine_similarity_2=0.05, rouge_l=-0.1, token_f1=1.0, number_match=0.5)
    }
    # The numbers of LoRA are all right, so a gain in them has no scale.
    assert confirmed_share(answers, ["cosine_similarity"]) == pytest.approx((0.25 + 0 + 1) / 3)
    assert confirmed_share(answers, ["cosine_similarity", "rouge_l"]) == pytest.approx((0.25 + 1) / 2)


def test_share_is_over_the_questions_of_all_configs() -> None:
    """0.3 and -0.1 are a gain of 0.1; of the second encoder 0.2 and 0.2 are 0.2 deviations: all of it."""
    answers = {
        "plain": paired(cosine_similarity=0.3, cosine_similarity_2=0.2),
        "detailed": paired(cosine_similarity=-0.1, cosine_similarity_2=0.2),
    }
    assert confirmed_share(answers, ["cosine_similarity"]) == pytest.approx(1)


def test_without_a_gain_there_is_no_share() -> None:
    """Nor if no other measure was computed."""
    assert confirmed_share({"plain": paired(cosine_similarity=0.0, rouge_l=0.1)}, ["cosine_similarity"]) is None
    assert confirmed_share({"plain": paired(cosine_similarity=-0.1, rouge_l=0.1)}, ["cosine_similarity"]) is None
    assert confirmed_share({"plain": paired(cosine_similarity=0.1)}, ["cosine_similarity"]) is None


def test_difference_is_over_the_questions_that_both_have() -> None:
    """Two of four have numbers; two papers are too few for an interval."""
    answers = paired(cosine_similarity=0.1, number_match=-0.5)
    difference = answers.difference("number_match")
    assert difference is not None
    assert (difference.mean, difference.n, difference.papers, difference.low) == (-0.5, 2, 2, None)
    assert answers.difference("supported") is None
