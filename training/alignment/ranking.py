"""Rank the sampled answers to a question by an ensemble of measures.

The measures are:

- similarity: of the embeddings of the answer and the reference answer;
- numbers: 1 if the answer has exactly the numbers of the reference answer, else 0 (the metric `number_match`);
- length: minus the absolute logarithm of the ratio of the words of the answer to those of the reference answer, so
  that half as long is as bad as twice as long;
- support, with a verifier: the probability that the abstract supports the answer.

Each measure is normalized within the answers to one question: its mean is subtracted, and the difference is divided by
the standard deviation. A measure that is the same for all of them counts 0. The score of an answer is the sum. So the
measures have equal weights, whatever their units, and none of them decides by itself: a gain that only one measure
sees is often not real (https://arxiv.org/abs/2411.03524).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dataset_builder.corpus.questions import CorpusQuestion
from eval.metrics.lexical import number_match

if TYPE_CHECKING:
    from dataset_builder.verification.verifier import Verifier
    from eval.metrics.embedding import Encoder

# The names of the measures that need no verifier, and of the one that does.
MEASURES, SUPPORT = ("similarity", "numbers", "length"), "support"
# A smaller difference is rounding.
SAME = 1e-6


@dataclass(frozen=True)
class AnswerRanking:
    """The similarity and the score of each answer to one question."""

    similarities: list[float]
    scores: list[float]

    @property
    def best(self) -> int:
        """Return the number of the first answer with the highest score."""
        return self.scores.index(max(self.scores))

    @property
    def prefers(self) -> bool:
        """Return whether some answer has a higher score than another one."""
        return max(self.scores) - min(self.scores) > SAME

    @property
    def worst(self) -> int:
        """Return the number of the first answer with the lowest score."""
        return self.scores.index(min(self.scores))


def rank_answers(
    question: CorpusQuestion, answers: Sequence[str], encoder: "Encoder", verifier: "Verifier | None" = None
) -> AnswerRanking:
    """Return the ranking of `answers` to the question."""
    count = len(answers)
    similarities: list[float] = encoder.similarities(list(answers), [question.answer] * count).tolist()
    # Without numbers in the reference answer, this measure is the same for all answers.
    numbers = [number_match(answer, question.answer) or 0.0 for answer in answers]
    lengths = [length_match(answer, question.answer) for answer in answers]
    measures = dict(zip(MEASURES, (similarities, numbers, lengths), strict=True))
    if verifier is not None:
        measures[SUPPORT] = verifier.scores(question.context, [question.question] * count, answers)
    return AnswerRanking(similarities, sum_normalized(list(measures.values())))


def length_match(answer: str, reference: str) -> float:
    """Return minus the absolute logarithm of the ratio of the words: 0 for as many words, else less."""
    return -abs(math.log(_words(answer) / _words(reference)))


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


def _words(text: str) -> int:
    return max(1, len(text.split()))
