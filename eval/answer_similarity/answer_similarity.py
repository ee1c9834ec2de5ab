"""Cosine similarity of sentence embeddings between answers and reference answers, as an `evaluate` metric."""

from collections.abc import Iterable

import datasets
import evaluate
import numpy as np
from sentence_transformers import SentenceTransformer

# With more embeddings, the cache of an encoder is emptied: some 300 MB at the default one's 384 numbers.
MOST_CACHED = 200_000

_DESCRIPTION = """
How close in meaning answers are to reference answers: the cosine similarity of their sentence embeddings,
for each answer and on average.
"""

_KWARGS_DESCRIPTION = """
Args:
    predictions (list of str): the answers to score.
    references (list of str): for each answer, the reference answer.
    encoder (str): the sentence-transformers model that embeds both, by Hub id or folder.
        Default: "sentence-transformers/all-MiniLM-L6-v2".
    batch_size (int): texts embedded at a time. Default: 64.
Returns:
    cosine_similarity (float): the mean over the answers, from -1 to 1.
    cosine_similarities (list of float): the similarity of each answer, in the order given.
Examples:
    An answer that says the same in other words, and one on something else. The encoder comes from the Hub, unless
    `encoder` is a folder.

    >>> import evaluate
    >>> metric = evaluate.load("ORG/answer_similarity")
    >>> result = metric.compute(
    ...     predictions=["It halves the cache misses.", "It was raining all day."],
    ...     references=["Cache misses fall by half.", "Cache misses fall by half."],
    ... )
    >>> same, other = result["cosine_similarities"]
    >>> same > 0.8 > 0.2 > other
    True
    >>> round(result["cosine_similarity"], 6) == round((same + other) / 2, 6)
    True
"""

_CITATION = """
@inproceedings{reimers-gurevych-2019-sentence,
    title = "Sentence-{BERT}: Sentence Embeddings using {S}iamese {BERT}-Networks",
    author = "Reimers, Nils and Gurevych, Iryna",
    booktitle = "Proceedings of EMNLP-IJCNLP 2019",
    year = "2019",
    doi = "10.18653/v1/D19-1410",
}
"""


@evaluate.utils.file_utils.add_start_docstrings(_DESCRIPTION, _KWARGS_DESCRIPTION)
class AnswerSimilarity(evaluate.Metric):  # type: ignore[misc]  # the library is untyped
    """The metric. It caches its encoders and embeddings, so that scoring more models takes less time."""

    def _info(self) -> evaluate.MetricInfo:
        self._encoders: dict[str, SentenceTransformer] = {}
        self._embeddings: dict[str, dict[str, np.ndarray]] = {}
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation=_CITATION,
            inputs_description=_KWARGS_DESCRIPTION,
            features=datasets.Features(dict.fromkeys(("predictions", "references"), datasets.Value("string"))),
            codebase_urls=["https://github.com/huggingface/sentence-transformers"],
            reference_urls=[
                "https://aclanthology.org/D19-1410",
                "https://sbert.net/docs/sentence_transformer/usage/semantic_textual_similarity.html",
            ],
        )

    def _compute(
        self,
        predictions: list[str],
        references: list[str],
        encoder: str = "sentence-transformers/all-MiniLM-L6-v2",
        batch_size: int = 64,
    ) -> dict[str, float | list[float]]:
        if not predictions:
            raise ValueError("predictions and references are empty; give at least one of each")
        answers = self.embed(encoder, predictions, batch_size)
        similarities = (answers * self.embed(encoder, references, batch_size)).sum(axis=1)
        return {
            # By rounding, a cosine can be slightly above 1.
            "cosine_similarity": float(similarities.mean().clip(-1, 1)),
            "cosine_similarities": similarities.clip(-1, 1).tolist(),
        }

    def encoder(self, encoder: str) -> SentenceTransformer:
        """Return the model `encoder`, loaded once."""
        if encoder not in self._encoders:
            self._encoders[encoder] = SentenceTransformer(encoder)
        return self._encoders[encoder]

    def embed(self, encoder: str, texts: list[str], batch_size: int = 64) -> np.ndarray:
        """Return unit embeddings of `texts`, (len(texts), dimensions), in float64; each text is encoded once.

        A text without any word that the encoder knows embeds to zeros, and its similarity with any other text is 0.
        """
        self.encode(encoder, texts, batch_size)
        known = self._embeddings[encoder]
        found = np.stack([known[text] for text in texts]).astype(np.float64)
        norms = np.linalg.norm(found, axis=1, keepdims=True)
        if len(known) > MOST_CACHED:
            known.clear()
        return found / np.where(norms > 0, norms, 1)

    def encode(self, encoder: str, texts: Iterable[str], batch_size: int = 64) -> None:
        """Encode the `texts` that are not cached, all together."""
        known = self._embeddings.setdefault(encoder, {})
        missing = [text for text in dict.fromkeys(texts) if text not in known]
        if missing:
            vectors = self.encoder(encoder).encode(missing, batch_size=batch_size, show_progress_bar=False)
            known.update(zip(missing, np.asarray(vectors), strict=True))
