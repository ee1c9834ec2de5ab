"""What the pages say about recorded results: the best baseline, and how far a trained system is above it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from docs.results import Results
from docs.update_results import gains, good_example, headline_table
from tests.conftest import REPOSITORY

MEANS = {
    "baseline": (0.3, 0.45),
    "baseline-chat": (0.5, 0.35),
    "full": (0.65, 0.6),
    "lora": (0.6, 0.625),
    # Above every baseline, but it is not a baseline.
    "lora-closed-book": (0.9, 0.9),
}
HEURISTICS = {"first sentence": (0.55, 0.5), "question repeated": (0.4, 0.2), "other teacher's answer": (0.7, 0.7)}


@pytest.fixture
def results(tmp_path: Path) -> Results:
    """Return results with the means above; only the difference of `full` and `baseline-chat` is clear."""
    shutil.copytree(REPOSITORY / "results", tmp_path, dirs_exist_ok=True)
    path = tmp_path / "open_corpus.json"
    content = json.loads(path.read_text())
    system = content["systems"]["baseline"]
    content["systems"] = {name: _with_means(system, means) for name, means in MEANS.items()}
    content["heuristics"] = {name: _with_means(content["heuristics"][name], HEURISTICS[name]) for name in HEURISTICS}
    difference = content["differences"]["plain"][0] | {"first": "baseline-chat", "second": "full", "p_corrected": 0.04}
    content["differences"] = {"plain": [difference], "detailed": [difference | {"p_corrected": 0.05}]}
    path.write_text(json.dumps(content))
    run = json.loads((tmp_path / "open_corpus_run.json").read_text())
    answers = run["good_example"]["answers"]
    answers["baseline-chat"] = {"text": "A cache | with\nbanks.", "similarity": 0.5}
    (tmp_path / "open_corpus_run.json").write_text(json.dumps(run))
    return Results(tmp_path)


def _with_means(entry: dict[str, object], means: tuple[float, float]) -> dict[str, object]:
    entry = json.loads(json.dumps(entry))
    for config, mean in zip(("plain", "detailed"), means, strict=True):
        entry["configs"][config]["metrics"]["cosine_similarity"] |= {"mean": mean, "low": None, "high": None}
    return entry


def test_gains_are_over_the_best_baseline_of_each_config(results: Results) -> None:
    """0.65 - 0.5 and 0.6 - 0.45, over another baseline in each config; what may be chance is marked."""
    full, lora, both, note = gains(results).splitlines()[:4]
    assert full == (
        "- `full` compared with the best baseline: +0.150 / +0.150† (`baseline-chat` and `baseline`); "
        "with the best heuristic baseline: +0.100† / +0.100† (`first sentence`)."
    )
    assert "`lora` compared with the best baseline: +0.100† / +0.175† (`baseline-chat` and `baseline`)" in lora
    assert both == "- `full` compared with `lora`: +0.050† / -0.025†."
    assert note.startswith("- †: may be chance")


def test_headline_table_has_every_system(results: Results) -> None:
    """Between the best heuristic baseline and the upper bound; without an interval where there is none."""
    rows = headline_table(results).splitlines()[2:9]
    assert [row.split(" | ")[0].strip("| *") for row in rows] == [
        "heuristic baseline: first sentence",
        *MEANS,
        "upper bound: other teacher's answer",
    ]
    assert rows[3] == "| **full** | 0.650 | 0.600 |"


def test_example_shows_the_best_baseline(results: Results) -> None:
    """0.85 in both configs together against 0.75; the answer fits into a cell of the table."""
    assert "| baseline-chat, similarity 0.50 | A cache \\| with banks. |" in good_example(results)
