"""Load sentence encoders and cross-encoders, and embed each text once."""

from collections.abc import Iterable

import numpy as np
from sentence_transformers import CrossEncoder

from dataset_builder.errors import InputError
from dataset_builder.models.encoders import refuse_missing_weights
from dataset_builder.models.folders import EncoderFolder
from eval.answer_similarity.answer_similarity import AnswerSimilarity


class Encoder:
    """A sentence-transformers model that caches its embeddings: those of the last texts, with `keep_all` of all.

    Raises `InputError`, which names the command's `option`, if it cannot be loaded.
    """

    def __init__(self, folder: EncoderFolder, option: str = "--encoders", keep_all: bool = False) -> None:
        self._keep_all = keep_all
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
        embeddings: np.ndarray = self._metric.embed(self._path, texts, keep_all=self._keep_all)
        return embeddings

    def encode(self, texts: Iterable[str]) -> None:
        """Encode many texts together, which is faster; with `keep_all`, `embed` then finds them."""
        self._metric.encode(self._path, texts)


class PairScorer:
    """A cross-encoder, which reads an answer and its reference together and returns one score.

    Raises `InputError` for a folder that cannot be loaded, and for a model with several scores.
    """

    def __init__(self, folder: EncoderFolder) -> None:
        try:
            self._model = CrossEncoder(str(folder.path))
        except Exception as error:  # as for an encoder
            problem = f"cannot be loaded as a cross-encoder ({error}); give a sentence-transformers cross-encoder"
            raise InputError(f"--cross-encoder {folder.given}: {problem}") from error
        refuse_missing_weights(f"--cross-encoder {folder.given}", folder.path, self._model[0])
        if (scores := self._model.num_labels) != 1:
            raise InputError(
                f"--cross-encoder {folder.given}: returns {scores} scores per pair; give one with 1 score"
            )

    def similarities(self, answers: list[str], references: list[str]) -> np.ndarray:
        """Return the score of each answer and its reference, on the scale that the model was trained on."""
        scores: np.ndarray = self._model.predict(list(zip(answers, references, strict=True)), show_progress_bar=False)
        return scores
