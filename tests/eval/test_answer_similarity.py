"""Test the similarity metric with the real encoder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.corpus_slice import CORPUS_SLICE

PAIRS = [json.loads(line) for line in (CORPUS_SLICE / "qa/detailed/isca_2022.jsonl").open(encoding="utf-8")]


@pytest.fixture(scope="module")
def metric() -> object:
    """Return the metric as its users load it."""
    import evaluate

    return evaluate.load(str(REPOSITORY / "eval" / "answer_similarity"))


def test_equals_sentence_transformers_own_cosine(metric: object, encoder: Path) -> None:
    """Each answer and the mean to 1e-5, on pairs of the slice, with the questions as answers."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.util import pairwise_cos_sim

    questions, answers = [pair["question"] for pair in PAIRS], [pair["answer"] for pair in PAIRS]
    result = metric.compute(predictions=questions, references=answers, encoder=str(encoder))
    model = SentenceTransformer(str(encoder))
    expected = pairwise_cos_sim(model.encode(questions), model.encode(answers))
    assert result["cosine_similarities"] == pytest.approx(expected.tolist(), abs=1e-5)
    assert result["cosine_similarity"] == pytest.approx(expected.mean().item(), abs=1e-5)


def test_each_text_is_embedded_once(encoder: Path) -> None:
    """Two models on the same two references: the encoder sees four answers and two references, not four."""
    from eval.answer_similarity.answer_similarity import AnswerSimilarity

    metric = AnswerSimilarity()
    metric.embed(str(encoder), ["warm"])
    model = metric._encoders[str(encoder)]
    embedded: list[str] = []
    original = model.encode

    def counting(texts: list[str], **more: object) -> object:
        embedded.extend(texts)
        return original(texts, **more)

    model.encode = counting
    for answers in (["a", "b"], ["c", "d"]):
        metric.compute(predictions=answers, references=["one", "two"], encoder=str(encoder))
    assert sorted(embedded) == ["a", "b", "c", "d", "one", "two"]


def test_no_answers_are_an_error(metric: object, encoder: Path) -> None:
    """An empty list has no mean."""
    with pytest.raises(ValueError, match=r"predictions and references are empty.*give at least one"):
        metric.compute(predictions=[], references=[], encoder=str(encoder))


def test_examples_of_the_module_run(packaged_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run them unchanged, with folders in place of the repos on the Hub."""
    import doctest

    from eval.answer_similarity import answer_similarity

    (tmp_path / "ORG").symlink_to(REPOSITORY / "eval")
    (tmp_path / "sentence-transformers").symlink_to(packaged_models)
    monkeypatch.chdir(tmp_path)
    text = answer_similarity._KWARGS_DESCRIPTION
    example = doctest.DocTestParser().get_doctest(text, {}, "examples", None, 0)
    result = doctest.DocTestRunner().run(example)
    assert (result.attempted, result.failed) == (6, 0)


def test_module_stands_alone(encoder: Path, tmp_path: Path) -> None:
    """Copy the one file away from the project and load it in a new process."""
    import shutil
    import subprocess
    import sys

    shutil.copytree(REPOSITORY / "eval/answer_similarity", tmp_path / "answer_similarity")
    code = (
        "import evaluate\n"
        "metric = evaluate.load('answer_similarity/answer_similarity.py')\n"
        f"print(metric.compute(predictions=['A.'], references=['A.'], encoder={str(encoder)!r}))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "'cosine_similarity': 1.0" in done.stdout or "0.99999" in done.stdout
