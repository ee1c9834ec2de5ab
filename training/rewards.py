"""Reward an answer for its similarity to the reference answer, less a price for its length and its repetition."""

from typing import Any

from dataset_builder.model_folders import find_encoder
from eval.metrics.embedding import Encoder

# An answer with twice the reference's words or more loses the first; one that only repeats itself loses the second.
# Both are small compared with a similarity, which is 0.5 to 0.9 for a trained model.
LENGTH_WEIGHT = 0.1
REPETITION_WEIGHT = 0.5
REPEATED_WORDS = 3  # the length in words of the sequences that count as repeated


def excess_length(answer: str, reference: str) -> float:
    """Return by how much the answer has more words than the reference, as a share of the reference, at most 1."""
    allowed = max(1, len(reference.split()))
    return min(1.0, max(0, len(answer.split()) - allowed) / allowed)


def repetition(answer: str) -> float:
    """Return the share of the answer's three-word sequences that occurred in it before, from 0 to below 1."""
    words = answer.lower().split()
    sequences = [tuple(words[start : start + REPEATED_WORDS]) for start in range(len(words) - REPEATED_WORDS + 1)]
    return 1 - len(set(sequences)) / len(sequences) if sequences else 0.0


class AnswerReward:
    """A reward function as TRL's GRPOTrainer calls it."""

    def __init__(self, encoder: str) -> None:
        self.__name__ = "answer_reward"
        self._encoder = Encoder(find_encoder("encoder", encoder))

    def __call__(self, completions: list[str], answer: list[str], **columns: Any) -> list[float | None]:
        """Return the reward of each completion: at most 1, and about 0 for an unrelated text.

        `answer` has the reference answers, by the name of the column in the training data.
        """
        texts = [completion.strip() for completion in completions]
        similarities = self._encoder.similarities(texts, answer).tolist()
        return [
            similarity - LENGTH_WEIGHT * excess_length(text, reference) - REPETITION_WEIGHT * repetition(text)
            for similarity, text, reference in zip(similarities, texts, answer, strict=True)
        ]
