"""Load sentence encoders, and embed each text once."""

from collections.abc import Iterable

import numpy as np

from dataset_builder.errors import InputError
from dataset_builder.models.encoders import refuse_missing_weights
from dataset_builder.models.folders import EncoderFolder
from eval.answer_similarity.answer_similarity import AnswerSimilarity


class Encoder:
    """A sentence-transformers model that caches its embeddings.

    Raises `InputError`, which names the command's `option`, if it cannot be loaded.
    """

    def __init__(self, folder: EncoderFolder, option: str = "--encoders") -> None:
        self._path = str(folder.path)
        self._metric = AnswerSimilarity()
        try:
            self._metric.embed(self._path, ["A text."])
        except Exception as error:  # the errors of the libraries have no common class
            problem = f"cannot be loaded as a sentence encoder ({error}); give a sentence-transformers model"
            raise InputError(f"{option} {folder.given}: {problem}") from error
        refuse_missing_weights(f"{option} {folder.given}", folder.path, self._metric.encoder(self._path)[0])

    def similarities(self, first: list[str], second: list[str]) -> np.ndarray:
        """Return the cosine similarity of each of `first` with its counterpart in `second`."""
        similarities: np.ndarray = (self.embed(first) * self.embed(second)).sum(axis=1).clip(-1, 1)
        return similarities

    def embed(self, texts: list[str]) -> np.ndarray:
        """Return unit embeddings, (texts, dimensions)."""
        embeddings: np.ndarray = self._metric.embed(self._path, texts)
        return embeddings

    def encode(self, texts: Iterable[str]) -> None:
        """Encode many texts together, which is faster; `embed` then finds them."""
        self._metric.encode(self._path, texts)
