"""The calibration of the grounding check, on the slice and on pairs worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dataset_builder.corpus.papers import Paper
from dataset_builder.errors import InputError
from dataset_builder.generate.calibrate import Shares, TeacherShares, calibrate, read_good_pairs
from dataset_builder.grounding.check import THRESHOLD
from tests.conftest import append
from tests.corpus_slice import CORPUS_SLICE


def test_calibration_on_the_slice(encoder: Path) -> None:
    """At 1.01 no pair passes; at the best threshold good pairs pass and shuffled pairs fail."""
    result = calibrate(*read_good_pairs(CORPUS_SLICE / "papers", CORPUS_SLICE / "qa"), str(encoder), 1.01, seed=0)
    assert (result.pairs, result.papers) == (184, 48)
    assert (result.current.passing, result.current.failing) == (0.0, 1.0)
    assert result.best.passing >= 0.95
    assert result.best.failing >= 0.95
    assert abs(result.best.threshold - THRESHOLD) < 0.15


def test_calibration_at_the_current_threshold(tmp_path: Path, encoder: Path) -> None:
    """Five answers on two papers, each checked with its own abstract and the other one."""
    both = "All of it was written in Rust."
    for number, abstract in enumerate(("Caches hold data in 4 banks.", "A full queue drops its packets.")):
        paper = Paper(
            paper_id=f"10.1/{number}",
            title=f"Paper {number}",
            year=2020,
            venue="isca",
            paper_url=f"https://x/{number}",
            abstract=f"{abstract} {both}",
        )
        append(tmp_path / "papers/isca_2020.jsonl", paper.model_dump())
    for number, answer in (
        (0, "Caches hold data in 4 banks."),
        (0, "It rises in a warm oven."),
        # As close as the first, with a number that is not in the abstract.
        (0, "Caches hold data in 8 banks."),
        (1, "A full queue drops its packets."),
        # Supported by the other abstract, too: shuffled, it passes.
        (1, both),
    ):
        # As `build`, it reads a DOI in every form.
        pair = {
            "paper_id": f"https://doi.org/10.1/{number}",
            "teacher": "t",
            "question": "What is said of it?",
            "answer": answer,
        }
        append(tmp_path / "qa/t/isca_2020.jsonl", pair)
    result = calibrate(*read_good_pairs(tmp_path / "papers", tmp_path / "qa"), str(encoder), THRESHOLD, seed=0)
    assert result.current == Shares(
        threshold=THRESHOLD, passing=0.6, failing=0.8, passing_by_similarity=0.8, failing_by_similarity=0.8
    )
    # Without the encoder, only the answer with the number 8 fails.
    assert result.by_teacher == {"t": TeacherShares(pairs=5, passing_rules=0.8, passing=0.6)}


def test_calibration_needs_two_papers(tmp_path: Path, encoder: Path) -> None:
    """With one paper there is no other abstract to shuffle to."""
    (tmp_path / "t").mkdir()
    record = {"paper_id": "10.1145/3470496.3527382", "teacher": "t", "question": "Why?", "answer": "So."}
    (tmp_path / "t/isca_2022.jsonl").write_text(json.dumps(record) + "\n")
    with pytest.raises(InputError, match="has pairs on 1 of the papers"):
        calibrate(*read_good_pairs(CORPUS_SLICE / "papers", tmp_path), str(encoder), THRESHOLD, seed=0)
