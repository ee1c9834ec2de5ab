"""The tables that the terminal, the reports and the cards share, written out by hand."""

from __future__ import annotations

import pytest

from dataset_builder.tables import as_markdown
from eval.analysis.scores import MeanScore, VerifierRecord
from eval.report.markdown import report_markdown
from eval.report.tables import (
    agreement_table,
    comparison,
    difference_table,
    gain_table,
    group_table,
    loss_table,
    metric_table,
    number_table,
    with_interval,
)
from tests.eval.report.example import BY_ROLE, METRICS, SCORES, config_scores, difference


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
    """With intervals, and a row for each entry; an older file has only one of the two metrics, or none."""
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


def test_share_of_supported_answers() -> None:
    """With a verifier it is in the main table, and the notes name the verifier; without one it is in neither."""
    good = SCORES.systems["good"].model_copy(
        update={"configs": {"plain": config_scores(0.72, supported=0.4, support=0.6)}}
    )
    verifier = VerifierRecord(sha256="f" * 64, threshold=0.123, auroc=0.987)
    scores = SCORES.model_copy(update={"systems": {**SCORES.systems, "good": good}, "verifier": verifier})
    heading, rows = comparison(scores, {})
    assert heading == ["", "similarity, test by plain", "supported by the abstract, test by plain"]
    assert rows[1:3] == [["good", "0.720 [0.670, 0.770]", "0.400 [0.350, 0.450]"], ["bad", "0.280 [0.230, 0.330]", ""]]
    assert "supported by the abstract" in metric_table(scores, "plain")[0]
    text = report_markdown(scores, {})
    assert "at least 0.123" in text and "AUROC on its own test examples is 0.987" in text and "f" * 64 in text
    assert "verifier" not in report_markdown(SCORES, {})


def test_prompts_other_than_plain_are_named() -> None:
    """In every table whose rows are systems; the systems keep their order."""
    labels = ["bad", "chatty (chat prompt)", "good", "memory (closed-book prompt)"]
    for rows in (
        comparison(BY_ROLE, {})[1],
        metric_table(BY_ROLE, "plain")[1],
        group_table(BY_ROLE, "plain", "kind of question")[1],
    ):
        assert [row[0] for row in rows][1:-1] == labels


def test_gain_over_the_best_baseline() -> None:
    """The best of two baselines is the chat prompt; a system without the abstract is neither baseline nor compared."""
    assert gain_table(BY_ROLE) == (
        ["gain in similarity", "test by plain, over chatty"],
        [["good", "0.120 [0.070, 0.170]"]],
    )


def test_smallest_detectable_gain_is_beside_the_gain() -> None:
    """Of the gain itself, not of another difference; it has no direction."""
    differences = [
        one.model_copy(update={"detectable": 0.0342 if one.first == "chatty" else 0.9})
        for one in BY_ROLE.differences["plain"]
    ]
    assert gain_table(BY_ROLE.model_copy(update={"differences": {"plain": differences}})) == (
        ["gain in similarity", "test by plain, over chatty", "smallest detectable, test by plain"],
        [["good", "0.120 [0.070, 0.170]", "0.034"]],
    )


def test_gains_of_two_tests() -> None:
    """Each test has its own best baseline, and a system that has no scores there has an empty cell."""
    bad = BY_ROLE.systems["bad"]
    systems = {
        **BY_ROLE.systems,
        "bad": bad.model_copy(update={"configs": {**bad.configs, "detailed": config_scores(0.3)}}),
        "other": BY_ROLE.systems["good"].model_copy(update={"configs": {"detailed": config_scores(0.4)}}),
    }
    differences = {**BY_ROLE.differences, "detailed": [difference("other", "bad", 0.1, 0.5)]}
    scores = BY_ROLE.model_copy(update={"systems": systems, "differences": differences})
    heading, rows = gain_table(scores)
    assert heading[1:] == ["test by detailed, over bad", "test by plain, over chatty"][::-1]
    assert rows == [["good", "0.120 [0.070, 0.170]", ""], ["other", "", "0.100 [0.050, 0.150]"]]


def test_no_gain_without_baselines() -> None:
    """Files of older versions do not say which systems are baselines."""
    assert gain_table(SCORES)[1] == []


def test_cut_answers_are_counted() -> None:
    """The column is there if a system has a count; heuristics have none."""
    good = SCORES.systems["good"]
    counted = good.model_copy(
        update={"configs": {"plain": good.configs["plain"].model_copy(update={"cut_answers": 7})}}
    )
    heading, rows = metric_table(SCORES.model_copy(update={"systems": {**SCORES.systems, "good": counted}}), "plain")
    assert heading[-1] == "cut answers"
    assert [row[-1] for row in rows] == ["", "7", "", ""]


def test_comparison_of_configs_that_not_all_have() -> None:
    """A config on which an entry was not scored is an empty cell. Without trained systems there is no such column."""
    bad = SCORES.systems["bad"].model_copy(update={"configs": {"detailed": config_scores(0.3)}})
    scores = SCORES.model_copy(update={"systems": {"good": SCORES.systems["good"], "bad": bad}})
    heading, rows = comparison(scores, {})
    assert heading == ["", "similarity, test by plain", "similarity, test by detailed"]
    assert rows[0] == ["question repeated (heuristic baseline)", "0.500 [0.450, 0.550]", ""]
    assert rows[2] == ["bad", "", "0.300 [0.250, 0.350]"]


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


def test_metrics_of_each_entry() -> None:
    """All metrics of a config, by their titles."""
    heading, rows = metric_table(SCORES, "plain")
    assert heading == ["", "similarity", "ROUGE-L"]
    assert rows[1] == ["good", "0.720 [0.670, 0.770]", "0.300 [0.250, 0.350]"]


def test_groups_are_marked_if_their_papers_are_few() -> None:
    """One column for each group; 15 papers are fewer than the 30 of a reliable interval."""
    heading, rows = group_table(SCORES, "plain", "year of the paper")
    assert heading == [
        "year of the paper",
        "2022 (23 questions, only 15 papers)",
        "2023 (22 questions, only 15 papers)",
    ]
    assert rows[0] == ["question repeated (heuristic baseline)", *["0.500 [0.450, 0.550]"] * 2]
    assert group_table(SCORES, "plain", "kind of question")[1][1] == ["good", "0.720"]


def test_differences() -> None:
    """The mean of the first minus the second, and both p-values; older scores do not say what could be detected."""
    assert difference_table(SCORES, "plain")[1] == [
        ["good \N{MINUS SIGN} bad", "0.440 [0.390, 0.490]", "0.0010", "0.0020", "", "", "different"],
        ["good \N{MINUS SIGN} question repeated", "-0.020 [-0.070, 0.030]", "0.4000", "0.8000", "", "", "undecided"],
    ]


@pytest.mark.parametrize(
    ("p", "p_equivalent", "result"),
    [
        (0.01, 0.3, "different"),
        (0.3, 0.01, "equivalent"),
        (0.01, 0.01, "different, equivalent"),
        (0.3, 0.3, "undecided"),
    ],
)
def test_results_of_the_two_tests(p: float, p_equivalent: float, result: str) -> None:
    """A difference can be real and small at once."""
    one = difference("good", "bad", 0.01, p).model_copy(update={"detectable": 0.05, "p_equivalent": p_equivalent})
    heading, (row,) = difference_table(SCORES.model_copy(update={"differences": {"plain": [one]}}), "plain")
    assert heading[4:] == ["smallest detectable", "p of equivalence within 0.02, after Holm's correction", "result"]
    assert row[4:] == ["0.050", f"{p_equivalent:.4f}", result]


def test_agreement_of_metrics() -> None:
    """The rank correlation of each pair of metrics, and the systems from the best to the worst."""
    heading, rows = agreement_table(SCORES, "plain")
    assert heading == ["", "similarity", "ROUGE-L", "systems, best first"]
    assert rows[0] == ["similarity", "", "0.90", "good, bad"]


def test_losses_by_epoch() -> None:
    """A loss that was not measured is an empty cell."""
    assert loss_table(METRICS["good"])[1] == [["1", "2.500", "", "0.500"]]
