"""The reward, worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from eval.answer_similarity.answer_similarity import AnswerSimilarity
from training.rewards import AnswerReward, excess_length, repetition


@pytest.mark.parametrize(
    ("answer", "excess"), [("a b", 0), ("a b c d", 0), ("a b c d e", 0.25), ("a " * 8, 1), ("a " * 40, 1), ("", 0)]
)
def test_excess_length(answer: str, excess: float) -> None:
    """Against four words: five are a quarter too many; from eight on it is all the same."""
    assert excess_length(answer, "one two three four") == excess


@pytest.mark.parametrize(
    ("answer", "repeated"),
    # "a b c a b c": runs abc, bca, cab, abc, of which one in four came before. Six times the same word: one run, four
    # times, so three in four came before.
    [("a b c d e", 0), ("a b c a b c", 0.25), ("A a a a a a", 0.75), ("a b", 0), ("", 0)],
)
def test_repetition(answer: str, repeated: float) -> None:
    """In runs of three words."""
    assert repetition(answer) == pytest.approx(repeated)


def test_reward_of_known_answers(encoder: Path) -> None:
    """The reference itself gets 1; said twice, the length costs 0.1 and the repetition its half.

    "Caches cut the misses by half" has 6 words; twice makes 12, so 10 runs of which 6 are distinct: 0.5 * 0.4 = 0.2.
    """
    reward = AnswerReward(str(encoder))
    reference = "Caches cut the misses by half"
    twice = f"{reference} {reference}"
    itself, doubled, unrelated = reward(
        completions=[f" {reference}", twice, "Bread is baked early"], answer=[reference] * 3, prompts=[""] * 3
    )
    assert itself == pytest.approx(1, abs=1e-5)
    (similarity,) = AnswerSimilarity().compute(predictions=[twice], references=[reference], encoder=str(encoder))[
        "cosine_similarities"
    ]
    assert doubled == pytest.approx(similarity - 0.1 - 0.2, abs=1e-5)
    assert unrelated < 0.3 < doubled < itself
