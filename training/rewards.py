"""The reward of an answer: nearness to the reference in meaning, less a price for length and for repetition."""

from __future__ import annotations

from typing import Any

# An answer of twice the reference's words, or longer, loses this much; one that only repeats itself loses the other.
# Both are small beside a similarity, which lies between 0.5 and 0.9 for a trained model.
LENGTH_WEIGHT = 0.1
REPETITION_WEIGHT = 0.5
REPEATED_WORDS = 3  # how many words in a row count as repeated


def excess_length(answer: str, reference: str) -> float:
    """Return by how much the answer has more words than the reference, as a part of these, at most 1."""
    allowed = max(1, len(reference.split()))
    return min(1.0, max(0, len(answer.split()) - allowed) / allowed)


def repetition(answer: str) -> float:
    """Return which part of the answer's runs of three words stood in it before, from 0 to below 1."""
    words = answer.lower().split()
    runs = [tuple(words[at : at + REPEATED_WORDS]) for at in range(len(words) - REPEATED_WORDS + 1)]
    return 1 - len(set(runs)) / len(runs) if runs else 0.0


class AnswerReward:
    """A reward function as TRL's GRPOTrainer calls it."""

    def __init__(self, encoder: str) -> None:
        from eval.metrics.embedding import Encoder
        from eval.models import find_encoder

        self.__name__ = "answer_reward"
        self._encoder = Encoder(find_encoder("encoder", encoder))

    def __call__(self, completions: list[str], answer: list[str], **columns: Any) -> list[float]:
        """Return the reward of each completion, `answer` being the references: at most 1, about 0 for an unrelated."""
        answers = [completion.strip() for completion in completions]
        similarities = self._encoder.similarities(answers, answer).tolist()
        return [
            similarity - LENGTH_WEIGHT * excess_length(text, reference) - REPETITION_WEIGHT * repetition(text)
            for similarity, text, reference in zip(similarities, answers, answer, strict=True)
        ]
