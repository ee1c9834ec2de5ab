"""Reward an answer by the measures that rank sampled answers: one reward function of TRL's GRPOTrainer for each.

The trainer normalizes each of them within the answers to one question, and then adds them, as `ranking.py` does.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from eval.metrics.lexical import number_match
from training.alignment.ranking import length_match

if TYPE_CHECKING:
    from dataset_builder.verification.verifier import Verifier
    from eval.metrics.embedding import Encoder

# Called with the lists `prompts` and `completions` and the columns of the training data, by name.
Reward = Callable[..., list[float]]


def measure_rewards(encoder: "Encoder", verifier: "Verifier | None") -> list[Reward]:
    """Return a reward function for each measure of `ranking.MEASURES`, and with a verifier one for the support.

    The training data have the columns `answer` (the reference answer), `context` and `question`.
    """

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


def _stripped(completions: list[str]) -> list[str]:
    return [completion.strip() for completion in completions]
