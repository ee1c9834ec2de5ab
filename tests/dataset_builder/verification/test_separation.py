"""AUROC, threshold, precision and recall, worked out by hand."""

import pytest

from dataset_builder.verification.example import ErrorKind, Example
from dataset_builder.verification.report import baseline_figures, split_figures, threshold_of
from dataset_builder.verification.separation import FlaggedErrors, auroc, flagged_errors, separating_threshold


def test_auroc_counts_pairs() -> None:
    """Of the six pairs, 0.9 wins three; 0.5 wins one and ties one: 4.5 of 6."""
    assert auroc([0.9, 0.5], [0.1, 0.5, 0.8]) == 4.5 / 6
    assert auroc([1.0], [0.0]) == 1.0
    assert auroc([0.0], [1.0]) == 0.0
    with pytest.raises(ValueError, match="needs scores"):
        auroc([], [0.1])


def test_threshold_separates_best() -> None:
    """Between 0.4 and 0.6: all of the unsupported below, two of three supported above."""
    assert separating_threshold([0.3, 0.6, 0.9], [0.2, 0.4]) == 0.5
    assert separating_threshold([0.8], [0.2]) == 0.5
    with pytest.raises(ValueError, match="needs scores"):
        separating_threshold([0.8], [])


def test_threshold_of_scores_that_do_not_separate_accepts_all() -> None:
    """The lowest score is not below it."""
    assert separating_threshold([0.1, 0.1], [0.5, 0.7]) == 0.1
    assert separating_threshold([0.3], [0.3]) == 0.3


def test_flagged_errors() -> None:
    """Below 0.5 are one supported and two of three unsupported answers."""
    assert flagged_errors([0.4, 0.9], [0.1, 0.2, 0.7], 0.5) == FlaggedErrors(precision=2 / 3, recall=2 / 3)
    assert flagged_errors([0.9], [0.7], 0.5) == FlaggedErrors(precision=None, recall=0.0)


def _example(paper: str, error: ErrorKind | None) -> Example:
    return Example(paper, "An abstract.", "Why?", "Because.", error)


def test_figures_by_kind_compare_with_all_supported_answers() -> None:
    """Two supported answers, an error of one kind and two of another."""
    examples = [
        *(_example("a", None), _example("b", None), _example("a", "unit"), _example("a", "cause")),
        _example("b", "cause"),
    ]
    scores = [0.9, 0.6, 0.7, 0.2, 0.1]
    assert threshold_of(examples, scores) == (0.2 + 0.6) / 2
    figures = split_figures(examples, scores, 0.65)
    assert (figures.papers, figures.supported, figures.all_kinds.unsupported) == (2, 2, 3)
    assert figures.by_kind.keys() == {"unit", "cause"}
    unit, cause = figures.by_kind["unit"], figures.by_kind["cause"]
    assert (unit.unsupported, unit.auroc, unit.precision, unit.recall) == (1, 0.5, 0.0, 0.0)
    assert (cause.unsupported, cause.auroc, cause.precision, cause.recall) == (2, 1.0, 2 / 3, 1.0)
    assert figures.all_kinds.auroc == 5 / 6
    baseline = baseline_figures(examples, scores)
    assert (baseline.all_kinds, baseline.by_kind) == (5 / 6, {"unit": 0.5, "cause": 1.0})
