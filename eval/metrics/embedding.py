"""Sentence encoders and cross-encoders: each text embedded once, whoever asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataset_builder.errors import InputError
from eval.models import EncoderFolder

if TYPE_CHECKING:
    import numpy as np


class Encoder:
    """A sentence-transformers model that keeps what it has embedded.

    Raises `InputError` when the folder cannot be loaded as one.
    """

    def __init__(self, folder: EncoderFolder) -> None:
        from eval.answer_similarity.answer_similarity import AnswerSimilarity

        self._path = str(folder.path)
        self._metric = AnswerSimilarity()
        try:
            self._metric.embed(self._path, ["A text."])
        except Exception as error:  # the libraries raise errors of no one class for what they cannot load
            raise InputError(
                f"--encoder {folder.given}: cannot be loaded as a sentence encoder ({error}); give a "
                "sentence-transformers model, folder or Hub id"
            ) from error

    def similarities(self, first: list[str], second: list[str]) -> np.ndarray:
        """Return the cosine similarity of each of `first` with its counterpart in `second`."""
        return (self.embed(first) * self.embed(second)).sum(axis=1).clip(-1, 1)

    def embed(self, texts: list[str]) -> np.ndarray:
        """Return unit embeddings, (texts, dimensions)."""
        return self._metric.embed(self._path, texts)


class PairScorer:
    """A cross-encoder: it reads an answer and its reference together and gives one number.

    Raises `InputError` when the folder cannot be loaded as one, or gives more than one number a pair.
    """

    def __init__(self, folder: EncoderFolder) -> None:
        from sentence_transformers import CrossEncoder

        try:
            self._model = CrossEncoder(str(folder.path))
        except Exception as error:  # as above
            raise InputError(
                f"--cross-encoder {folder.given}: cannot be loaded as a cross-encoder ({error}); give a "
                "sentence-transformers cross-encoder, folder or Hub id"
            ) from error
        if self._model.num_labels != 1:
            raise InputError(
                f"--cross-encoder {folder.given}: gives {self._model.num_labels} numbers a pair; give one that gives "
                "a single score"
            )

    def scores(self, answers: list[str], references: list[str]) -> list[float]:
        """Return the score of each answer and its reference, on the scale that the model was trained to."""
        pairs = list(zip(answers, references, strict=True))
        return [float(score) for score in self._model.predict(pairs, show_progress_bar=False)]
