"""Load sentence encoders and cross-encoders, and embed each text once."""

import numpy as np
from sentence_transformers import CrossEncoder

from dataset_builder.errors import InputError
from eval.answer_similarity.answer_similarity import AnswerSimilarity
from eval.models import EncoderFolder


class Encoder:
    """A sentence-transformers model that caches its embeddings.

    Raises `InputError` for a folder that cannot be loaded.
    """

    def __init__(self, folder: EncoderFolder) -> None:
        self._path = str(folder.path)
        self._metric = AnswerSimilarity()
        try:
            self._metric.embed(self._path, ["A text."])
        except Exception as error:  # the errors of the libraries have no common class
            raise InputError(
                f"--encoder {folder.given}: cannot be loaded as a sentence encoder ({error}); give a "
                "sentence-transformers model, folder or Hub id"
            ) from error

    def similarities(self, first: list[str], second: list[str]) -> np.ndarray:
        """Return the cosine similarity of each of `first` with its counterpart in `second`."""
        similarities: np.ndarray = (self.embed(first) * self.embed(second)).sum(axis=1).clip(-1, 1)
        return similarities

    def embed(self, texts: list[str]) -> np.ndarray:
        """Return unit embeddings, (texts, dimensions)."""
        embeddings: np.ndarray = self._metric.embed(self._path, texts)
        return embeddings


class PairScorer:
    """A cross-encoder, which reads an answer and its reference together and returns one score.

    Raises `InputError` for a folder that cannot be loaded, and for a model that returns more than one number per pair.
    """

    def __init__(self, folder: EncoderFolder) -> None:
        try:
            self._model = CrossEncoder(str(folder.path))
        except Exception as error:  # as for an encoder
            raise InputError(
                f"--cross-encoder {folder.given}: cannot be loaded as a cross-encoder ({error}); give a "
                "sentence-transformers cross-encoder, folder or Hub id"
            ) from error
        if self._model.num_labels != 1:
            raise InputError(
                f"--cross-encoder {folder.given}: returns {self._model.num_labels} numbers per pair; give a "
                "cross-encoder with a single score"
            )

    def similarities(self, answers: list[str], references: list[str]) -> np.ndarray:
        """Return the score of each answer and its reference, on the scale that the model was trained on."""
        scores: np.ndarray = self._model.predict(list(zip(answers, references, strict=True)), show_progress_bar=False)
        return scores
