"""Cosine similarity of sentence embeddings between answers and reference answers, as an `evaluate` metric."""

from __future__ import annotations

import datasets
import evaluate
import numpy as np

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
    >>> metric = evaluate.load("eval/answer_similarity")
    >>> metric.compute(predictions=["It halves the misses."], references=["It halves the misses."])
    {'cosine_similarity': 1.0, 'cosine_similarities': [1.0]}
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
class AnswerSimilarity(evaluate.Metric):
    """The metric. It keeps its encoders and the embeddings of references, so that scoring more models costs less."""

    def _info(self) -> evaluate.MetricInfo:
        self._encoders = {}
        self._reference_embeddings = {}
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation=_CITATION,
            inputs_description=_KWARGS_DESCRIPTION,
            features=datasets.Features(
                {"predictions": datasets.Value("string"), "references": datasets.Value("string")}
            ),
            reference_urls=["https://sbert.net/docs/sentence_transformer/usage/semantic_textual_similarity.html"],
        )

    def _compute(
        self,
        predictions: list[str],
        references: list[str],
        encoder: str = "sentence-transformers/all-MiniLM-L6-v2",
        batch_size: int = 64,
    ) -> dict[str, float | list[float]]:
        answers = self._embed(encoder, predictions, batch_size)
        known = self._reference_embeddings.setdefault(encoder, {})
        missing = [text for text in dict.fromkeys(references) if text not in known]
        if missing:
            known.update(zip(missing, self._embed(encoder, missing, batch_size), strict=True))
        similarities = (answers * np.stack([known[text] for text in references])).sum(axis=1)
        return {
            # Rounding can carry a cosine a hair past 1.
            "cosine_similarity": float(similarities.mean().clip(-1, 1)),
            "cosine_similarities": similarities.clip(-1, 1).tolist(),
        }

    def _embed(self, encoder: str, texts: list[str], batch_size: int) -> np.ndarray:
        """Return unit embeddings of `texts`, (len(texts), dimensions), in float64."""
        from sentence_transformers import SentenceTransformer

        if encoder not in self._encoders:
            self._encoders[encoder] = SentenceTransformer(encoder)
        embeddings = self._encoders[encoder].encode(texts, batch_size=batch_size, show_progress_bar=False)
        embeddings = np.asarray(embeddings, dtype=np.float64)
        return embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
