"""The tables that the terminal, the reports and the cards share, written out by hand."""

from __future__ import annotations

import pytest

from dataset_builder.tables import as_markdown
from eval.analysis.scores import MeanScore
from eval.report.markdown import report_markdown
from eval.report.tables import (
    comparison,
    difference_table,
    gain_table,
    metric_table,
    number_table,
    with_interval,
    year_table,
)
from tests.eval.report.example import BY_ROLE, METRICS, SCORES, config_scores


def test_comparison() -> None:
    """Heuristic baselines, systems and upper bounds in this order, with what the training of a system took."""
    assert as_markdown(*comparison(SCORES, METRICS)).splitlines() == [
        "|  | similarity, test by plain | training time | trained parameters | peak memory |",
        "| --- | ---: | ---: | ---: | ---: |",
        "| question repeated (heuristic baseline) | 0.500 [0.450, 0.550] |  |  |  |",
        "| good | 0.720 [0.670, 0.770] | 61 s | 1,234 | 1.5 GiB |",
        "| bad | 0.280 [0.230, 0.330] |  |  |  |",
        "| nearest sentence to the reference (upper bound) | 0.800 [0.750, 0.850] |  |  |  |",
    ]


def test_metrics_on_numbers() -> None:
    """With intervals, and a row for each entry; without a reference answer with numbers there is no table."""
    good = SCORES.systems["good"].model_copy(
        update={"configs": {"plain": config_scores(0.72, number_match=0.4, number_support=0.9)}}
    )
    scores = SCORES.model_copy(update={"systems": {**SCORES.systems, "good": good}})
    heading, rows = number_table(scores)
    assert heading == ["", "numbers right, test by plain", "numbers from the abstract, test by plain"]
    assert rows[1:3] == [["good", "0.400 [0.350, 0.450]", "0.900 [0.850, 0.950]"], ["bad", "", ""]]
    assert "### Numbers" in report_markdown(scores, {})
    assert number_table(SCORES)[1] == []
    assert "### Numbers" not in report_markdown(SCORES, {})


def test_prompts_other_than_plain_are_named() -> None:
    """In every table whose rows are systems; the systems keep their order."""
    labels = ["bad", "chatty (chat prompt)", "good", "memory (closed-book prompt)"]
    for rows in (
        comparison(BY_ROLE, {})[1],
        metric_table(BY_ROLE, "plain")[1],
        year_table(BY_ROLE, "plain")[1],
    ):
        assert [row[0] for row in rows][1:-1] == labels


def test_gain_over_the_best_baseline() -> None:
    """The best of two baselines is the chat prompt; a system without the abstract is neither baseline nor compared."""
    assert gain_table(BY_ROLE) == (
        ["gain in similarity", "test by plain, over chatty"],
        [["good", "0.120 [0.070, 0.170]"]],
    )


@pytest.mark.parametrize(
    ("mean", "low", "high", "text"),
    [
        (0.6162, 0.6, 0.63, "0.616 [0.600, 0.630]"),
        (0.5, None, None, "0.500"),
        (-0.0001, -0.1, 0.0, "0.000 [-0.100, 0.000]"),
    ],
)
def test_interval(mean: float, low: float | None, high: float | None, text: str) -> None:
    """A mean with its interval, or only the mean; a rounded zero has no sign."""
    assert with_interval(MeanScore(mean=mean, low=low, high=high, n=9, papers=9)) == text


def test_years_are_marked_if_their_papers_are_few() -> None:
    """One column for each year; 15 papers are fewer than the 30 of a reliable interval."""
    heading, rows = year_table(SCORES, "plain")
    assert heading == [
        "year of the paper",
        "2022 (23 questions, only 15 papers)",
        "2023 (22 questions, only 15 papers)",
    ]
    assert rows[0] == ["question repeated (heuristic baseline)", *["0.500 [0.450, 0.550]"] * 2]


def test_differences() -> None:
    """The mean of the first minus the second, and both p-values."""
    assert difference_table(SCORES, "plain")[1] == [
        ["good \N{MINUS SIGN} bad", "0.440 [0.390, 0.490]", "0.0010", "0.0020"],
        ["good \N{MINUS SIGN} question repeated", "-0.020 [-0.070, 0.030]", "0.4000", "0.8000"],
    ]
