"""Scores of broken encoders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dataset_builder.errors import InputError
from eval.metrics.scorer import AnswerScorer
from tests.eval.questions import corpus_question


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_scores_that_are_not_numbers_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    """The second of two answers has such a score; no predictions are written."""

    class Broken:
        def __init__(self, _: object) -> None:
            pass

        def similarities(self, first: list[str], second: list[str]) -> np.ndarray:
            return np.array([0.5, value])

    monkeypatch.setattr("eval.metrics.scorer.Encoder", Broken)
    questions = [corpus_question(), corpus_question(paper_id="b")]
    with pytest.raises(InputError, match="the model gives values that are not numbers; give another encoder"):
        answers = {"plain": {"m": ["one", "two"]}}
        AnswerScorer([None]).score_all({"plain": questions}, answers, tmp_path)
    assert list(tmp_path.iterdir()) == []
