"""Rank the sampled answers to a question by the measures of `rewards.py` together.

Each measure is normalized within the answers to one question: its mean is subtracted, and the difference is divided by
the standard deviation. A measure that is the same for all of them counts 0. The score of an answer is the sum. So the
measures have equal weights, whatever their units, and none of them decides by itself: a gain that only one measure
sees is often not real (https://arxiv.org/abs/2411.03524).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dataset_builder.corpus.questions import CorpusQuestion
from training.alignment.rewards import measure_rewards

if TYPE_CHECKING:
    from dataset_builder.verification.verifier import Verifier
    from eval.metrics.embedding import Encoder

# A smaller difference is rounding.
SAME = 1e-6


@dataclass(frozen=True)
class AnswerRanking:
    """The similarity and the score of each answer to one question."""

    similarities: list[float]
    scores: list[float]


def rank_answers(
    question: CorpusQuestion, answers: Sequence[str], encoder: "Encoder", verifier: "Verifier | None" = None
) -> AnswerRanking:
    """Return the ranking of `answers` to the question."""
    asked = {"answer": question.answer, "context": question.context, "question": question.question}
    columns = {name: [value] * len(answers) for name, value in asked.items()}
    measures = [reward(completions=list(answers), **columns) for reward in measure_rewards(encoder, verifier)]
    return AnswerRanking(measures[0], sum_normalized(measures))


def sum_normalized(measures: Sequence[Sequence[float]]) -> list[float]:
    """Return the sum of the measures for each answer, each measure normalized to mean 0 and standard deviation 1.

    A measure has a value for each answer.
    """
    columns = np.array(measures)
    deviations = columns - columns.mean(axis=1, keepdims=True)
    spreads = deviations.std(axis=1, keepdims=True)
    normalized = np.divide(deviations, spreads, out=np.zeros_like(deviations), where=spreads > SAME)
    scores: list[float] = normalized.sum(axis=0).tolist()
    return scores
