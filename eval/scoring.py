"""Scores: the mean similarity of a model's answers, overall and by year."""

from __future__ import annotations

from typing import Any


def score(rows: list[dict[str, Any]], similarities: list[float]) -> dict[str, Any]:
    """Return the entry of scores.json for one model on one config.

    Every mean is over questions; `n` counts questions and `papers` the papers they are on.
    """
    by_year: dict[int, list[float]] = {}
    for row, similarity in zip(rows, similarities, strict=True):
        by_year.setdefault(row["year"], []).append(similarity)
    return {
        "n": len(rows),
        "papers": len({row["paper_id"] for row in rows}),
        "cosine_similarity": {
            "mean": _mean(similarities),
            "by_year": {str(year): {"n": len(of), "mean": _mean(of)} for year, of in sorted(by_year.items())},
        },
    }


def _mean(values: list[float]) -> float:
    return round(sum(values) / len(values), 6)
