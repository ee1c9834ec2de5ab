"""The metric, with the real encoder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY, SAMPLE

PAIRS = [json.loads(line) for line in (SAMPLE / "qa/detailed/isca_2022.jsonl").open(encoding="utf-8")]


@pytest.fixture(scope="module")
def metric() -> object:
    """Return the metric as its users load it."""
    import evaluate

    return evaluate.load(str(REPOSITORY / "eval" / "answer_similarity"))


def test_equals_sentence_transformers_own_cosine(metric: object, encoder: Path) -> None:
    """Each answer and the mean to 1e-5, on pairs of the sample, questions taken as answers."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.util import pairwise_cos_sim

    questions, answers = [pair["question"] for pair in PAIRS], [pair["answer"] for pair in PAIRS]
    result = metric.compute(predictions=questions, references=answers, encoder=str(encoder))
    model = SentenceTransformer(str(encoder))
    expected = pairwise_cos_sim(model.encode(questions), model.encode(answers))
    assert result["cosine_similarities"] == pytest.approx(expected.tolist(), abs=1e-5)
    assert result["cosine_similarity"] == pytest.approx(expected.mean().item(), abs=1e-5)


def test_same_text_scores_one_and_another_less(metric: object, encoder: Path) -> None:
    """A text against itself, and against a text on something else."""
    result = metric.compute(
        predictions=["It halves the cache misses.", "It halves the cache misses."],
        references=["It halves the cache misses.", "My neighbour's dog likes cheese."],
        encoder=str(encoder),
    )
    same, other = result["cosine_similarities"]
    assert same == pytest.approx(1, abs=1e-6)
    assert other < 0.3


def test_empty_answer_has_a_score(metric: object, encoder: Path) -> None:
    """A model may answer nothing: that is a low score, not an error."""
    result = metric.compute(predictions=[""], references=["It halves the cache misses."], encoder=str(encoder))
    assert -1 <= result["cosine_similarity"] < 0.5


def test_references_are_embedded_once(encoder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two models on the same two references: the encoder sees four answers and two references, not four."""
    from eval.answer_similarity.answer_similarity import AnswerSimilarity

    metric = AnswerSimilarity()
    embedded: list[str] = []
    original = metric._embed

    def counting(encoder: str, texts: list[str], batch_size: int) -> object:
        embedded.extend(texts)
        return original(encoder, texts, batch_size)

    monkeypatch.setattr(metric, "_embed", counting)
    for answers in (["a", "b"], ["c", "d"]):
        metric.compute(predictions=answers, references=["one", "two"], encoder=str(encoder))
    assert sorted(embedded) == ["a", "b", "c", "d", "one", "two"]
