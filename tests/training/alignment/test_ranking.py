"""The ranking of sampled answers, worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from dataset_builder.corpus.questions import CorpusQuestion
from eval.prompting import Answer
from training.alignment.ranking import (
    AnswerRanking,
    RankedSamples,
    choose_samples,
    length_match,
    rank_answers,
    sum_normalized,
)


@dataclass(frozen=True)
class FixedSimilarities:
    """An encoder that gives the same similarities whatever the texts."""

    values: list[float]

    def similarities(self, answers: list[str], references: list[str]) -> np.ndarray:
        """Return the values."""
        assert len(answers) == len(references)
        return np.array(self.values)


def rank(reference: str, answers: list[str], similarities: list[float]) -> AnswerRanking:
    """Return the ranking of answers with given similarities."""
    encoder: Any = FixedSimilarities(similarities)
    question = CorpusQuestion("Read it", "An abstract.", "How many?", reference, "10.1/a", 2020)
    return rank_answers(question, answers, encoder)


def choice(ranking: AnswerRanking, cut: Sequence[int] = ()) -> tuple[str | None, str | None]:
    """Return the numbers of the best and the worst of the samples, of which `cut` were cut."""
    sampled = [Answer(str(index), index in cut) for index in range(len(ranking.scores))]
    samples = choose_samples(0, sampled, ranking)
    return samples.best, samples.worst


def test_measures_have_equal_weights() -> None:
    """1, 2, 3 has the standard deviation sqrt(2/3); a hundred times that is the same; a constant counts nothing."""
    step = (3 / 2) ** 0.5
    assert sum_normalized([[1.0, 2.0, 3.0]]) == pytest.approx([-step, 0, step])
    assert sum_normalized([[1.0, 2.0, 3.0], [100.0, 200.0, 300.0], [5.0, 5.0, 5.0]]) == pytest.approx(
        [-2 * step, 0, 2 * step]
    )


def test_right_numbers_and_length_outweigh_a_small_similarity() -> None:
    """Two answers, so each measure counts 1 or -1: wrong number, twice the words, but nearer: -1 - 1 + 1."""
    ranking = rank("It has 4 cores", ["It has 4 cores", "It has 2 cores as it has now"], [0.6, 0.7])
    assert ranking.scores == pytest.approx([1, -1])
    assert choice(ranking) == ("0", "1")
    assert ranking.similarities == [0.6, 0.7]


def test_half_as_long_is_as_bad_as_twice_as_long() -> None:
    """Against four words, without numbers, two words and eight: nothing to choose by; neither is an empty answer 0."""
    ranking = rank("a b c d", ["a b", "a b c d e f g h"], [0.5, 0.5])
    assert choice(ranking) == ("0", None)
    ranking = rank("a b c d", ["", "a b"], [0.5, 0.5])
    assert choice(ranking) == ("1", "0")


def test_cut_answers_are_not_chosen() -> None:
    """The best and the worst of four are cut; of the answers that are left, none is better than itself."""
    ranking = rank("a b", ["a b"] * 4, [0.9, 0.7, 0.6, 0.1])
    assert choice(ranking) == ("0", "3")
    assert choice(ranking, cut=[0, 3]) == ("1", "2")
    assert choice(ranking, cut=[0, 1, 3]) == ("2", None)
    assert choice(ranking, cut=[0, 1, 2, 3]) == (None, None)
    samples = choose_samples(7, [Answer("a b", index == 0) for index in range(4)], ranking)
    assert samples == RankedSamples(7, "a b", None, pytest.approx(0.575))


@pytest.mark.parametrize(("answer", "value"), [("a b", 0), ("a b c d", -0.693), ("a", -0.693), ("", -0.693)])
def test_length_against_two_words(answer: str, value: float) -> None:
    """Twice as long is as bad as half as long; an empty answer counts as one word."""
    assert length_match(answer, "one two") == pytest.approx(value, abs=1e-3)
