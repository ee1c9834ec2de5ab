"""The rewards of GRPO: the measures of the ranking, one function each."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.training.alignment.test_ranking import FixedMeasures, question
from training.alignment.ranking import rank_answers
from training.alignment.rewards import length_match, measure_rewards


@pytest.mark.parametrize(("answer", "value"), [("a b", 0), ("a b c d", -0.693), ("a", -0.693), ("", -0.693)])
def test_length_against_two_words(answer: str, value: float) -> None:
    """Twice as long is as bad as half as long; an empty answer counts as one word."""
    assert length_match(answer, "one two") == pytest.approx(value, abs=1e-3)


def test_normalized_rewards_are_the_ranking() -> None:
    """Three answers to one question: TRL's sum of the rewards, each normalized, orders them as the ranking does.

    The values are far apart: TRL adds 1e-4 to the standard deviation, and the ranking adds nothing.
    """
    asked = question("It saves 12 percent of the power.")
    answers = ["It saves 12 percent.", "It saves 9 percent of the power.", "A perceptron"]
    encoder: Any = FixedMeasures([0.9, 0.7, 0.1])
    verifier: Any = FixedMeasures([0.8, 0.2, 0.4])
    columns = {"answer": [asked.answer] * 3, "context": [asked.context] * 3, "question": [asked.question] * 3}
    rewards = [
        reward(completions=[f" {answer}" for answer in answers], prompts=[""] * 3, **columns)
        for reward in measure_rewards(encoder, verifier)
    ]
    assert rewards[1] == [1, 0, 0]
    # As GRPOTrainer computes `normalize_then_sum`: with the standard deviation of a sample, and 1e-4 more.
    columns_of_rewards = torch.tensor(rewards)
    centred = columns_of_rewards - columns_of_rewards.mean(dim=1, keepdim=True)
    summed = (centred / (columns_of_rewards.std(dim=1, keepdim=True) + 1e-4)).sum(dim=0)
    scores = rank_answers(asked, answers, encoder, verifier).scores
    assert summed.argsort().tolist() == torch.tensor(scores).argsort().tolist()
    assert torch.corrcoef(torch.stack([summed, torch.tensor(scores)]))[0, 1] > 0.99
    assert len(measure_rewards(encoder, None)) == 3
