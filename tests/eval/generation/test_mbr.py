"""Minimum Bayes risk: the sample nearest to all, in an evaluation beside greedy answers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from eval.generation.mbr import mbr_choice
from eval.generation.shared_prefix import Sampling
from eval.run import run


def test_nearest_to_all_by_hand() -> None:
    """At 0, 30 and 90 degrees the mean points to 38: the second is nearest. Of equal ones it is the first."""

    class Compass:
        def embed(self, texts: list[str]) -> np.ndarray:
            angles = np.radians([float(text) for text in texts])
            return np.stack([np.cos(angles), np.sin(angles)], axis=1)

    assert mbr_choice(["90", "0", "30"], Compass()) == "30"
    assert mbr_choice(["90", "0", "0"], Compass()) == "0"
    assert mbr_choice(["7"], Compass()) == "7"


def test_model_is_scored_by_both_ways_of_answering(
    tmp_path: Path, corpus: Path, tiny_base: Path, encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under two names; the report says how; a second run samples nothing; another seed would sample anew."""

    def evaluate(sampling: Sampling) -> dict:
        scores, _ = run(
            *(str(corpus), ["plain"], {"tiny": str(tiny_base)}, [str(encoder)], tmp_path),
            questions=6,
            consensus={"tiny-of-3": str(tiny_base)},
            sampling=sampling,
        )
        return scores

    scores = evaluate(Sampling(3, 0.9))
    assert list(scores["models"]) == ["tiny", "tiny-of-3"]
    sources = scores["model_folders"]
    assert sources["tiny"]["sha256"] == sources["tiny-of-3"]["sha256"]
    assert "consensus" not in sources["tiny"]
    assert {key: sources["tiny-of-3"]["consensus"][key] for key in ("samples", "temperature", "seed")} == {
        "samples": 3,
        "temperature": 0.9,
        "seed": 0,
    }
    first, of_3 = (json.loads(f"[{','.join(_answers(tmp_path, name))}]") for name in ("tiny", "tiny-of-3"))
    assert [key for key, _ in first] == [key for key, _ in of_3]
    assert first != of_3
    assert "Those of tiny-of-3 are each the one of 3 samples" in (tmp_path / "report.md").read_text()
    assert "Those of tiny-of-3 are each the one of 3 samples" in (tmp_path / "report.html").read_text()

    def refuse(*_: object) -> None:
        raise AssertionError("the model was loaded")

    monkeypatch.setattr("eval.generation.collect.load_model", refuse)
    assert evaluate(Sampling(3, 0.9)) == scores
    with pytest.raises(AssertionError, match="was loaded"):
        evaluate(Sampling(3, 0.9, seed=1))


def _answers(folder: Path, name: str) -> list[str]:
    return (folder / f"answers/{name}.jsonl").read_text().splitlines()[1:]
