"""Measure answers, each measure as a reward function of TRL's GRPOTrainer; `ranking.py` ranks by the same measures.

- similarity: of the embeddings of the answer and the reference answer;
- numbers: 1 if the answer has exactly the numbers of the reference answer, else 0 (the metric `number_match`);
- length: minus the absolute logarithm of the ratio of the words of the answer to those of the reference answer, so
  that half as long is as bad as twice as long;
- support, with a verifier: the probability that the abstract supports the answer.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from eval.metrics.lexical import number_match

if TYPE_CHECKING:
    from dataset_builder.verification.verifier import Verifier
    from eval.metrics.embedding import Encoder

# The names of the measures that need no verifier, and of the one that does.
MEASURES, SUPPORT = ("similarity", "numbers", "length"), "support"

# Called with the list `completions` and the columns of the questions by name: `answer`, `context` and `question`.
Reward = Callable[..., list[float]]


def measure_rewards(encoder: "Encoder", verifier: "Verifier | None") -> list[Reward]:
    """Return a reward function for each of `MEASURES`, and with a verifier one for the support."""

    def similarity(completions: list[str], answer: list[str], **columns: Any) -> list[float]:
        similarities: list[float] = encoder.similarities(_stripped(completions), answer).tolist()
        return similarities

    def numbers(completions: list[str], answer: list[str], **columns: Any) -> list[float]:
        # Without numbers in the reference answer, this measure is the same for all answers to the question.
        return [number_match(text, own) or 0.0 for text, own in zip(_stripped(completions), answer, strict=True)]

    def length(completions: list[str], answer: list[str], **columns: Any) -> list[float]:
        return [length_match(text, own) for text, own in zip(_stripped(completions), answer, strict=True)]

    if verifier is None:
        return [similarity, numbers, length]

    def support(completions: list[str], context: list[str], question: list[str], **columns: Any) -> list[float]:
        return verifier.score_all(list(zip(context, question, _stripped(completions), strict=True)), hidden=True)

    return [similarity, numbers, length, support]


def length_match(answer: str, reference: str) -> float:
    """Return minus the absolute logarithm of the ratio of the words: 0 for as many words, else less."""
    return -abs(math.log(_words(answer) / _words(reference)))


def _stripped(completions: list[str]) -> list[str]:
    return [completion.strip() for completion in completions]


def _words(text: str) -> int:
    return max(1, len(text.split()))
