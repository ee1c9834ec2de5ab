"""Test the plan of a test set: the papers that a difference needs, and wrong input."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataset_builder.errors import InputError
from dataset_builder.formats import write_format
from eval.__main__ import parser
from eval.plan import plan_table
from tests.eval.report.example import SCORES, difference

# The systems differ by 0.01 with a standard error of 0.01 on 400 papers. A heuristic is not a system.
PAIR = difference("good", "bad", 0.01, 0.3).model_copy(
    update={"papers": 400, "standard_error": 0.01, "detectable": 0.0281, "p_equivalent": 0.2}
)
HEURISTIC = PAIR.model_copy(update={"second": "question repeated"})
PLANNED = SCORES.model_copy(update={"differences": {"plain": [PAIR, HEURISTIC]}})


def test_plan_by_hand() -> None:
    """A difference of 0.01 needs (1.960 + 0.842)^2 = 7.85 times the papers, and slightly fewer for many papers."""
    heading, rows = plan_table(PLANNED, 0.01)
    assert heading[-1] == "papers for 0.01"
    assert [row[:4] for row in rows] == [["good \N{MINUS SIGN} bad", "plain", "400", "0.028"]]
    assert int(rows[0][4].replace(",", "")) == pytest.approx(7.85 * 400, abs=5)


def test_smallest_difference_has_a_plan() -> None:
    """A difference of 0.001 needs 785 times the papers, with a little less than Student's quantiles for 400."""
    ((*_, needed),) = plan_table(PLANNED, 0.001)[1]
    assert int(needed.replace(",", "")) == pytest.approx(785 * 400, rel=1e-3)


def plan(path: Path, difference: str) -> None:
    """Run `python -m eval plan`."""
    arguments = parser().parse_args(["plan", "--scores", str(path), "--difference", difference])
    arguments.run_command(arguments)


def test_command_prints_the_plan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A table, and what it assumes."""
    write_format(tmp_path / "scores.json", PLANNED)
    plan(tmp_path / "scores.json", "0.02")
    printed = capsys.readouterr().out
    assert "papers for 0.02" in printed and "as many questions as now" in printed


@pytest.mark.parametrize("difference", ["0", "-0.1", "1.5", "nan", "0.0001"])
def test_wrong_difference_is_refused(tmp_path: Path, difference: str) -> None:
    """Before the file is read."""
    with pytest.raises(InputError, match=r"--difference .*must be from 0\.001 to 1, for example 0\.02"):
        plan(tmp_path / "missing.json", difference)


def test_scores_without_standard_errors_are_refused(tmp_path: Path) -> None:
    """One message for one system, too few papers and files of older versions."""
    write_format(tmp_path / "scores.json", SCORES)
    with pytest.raises(InputError, match=r"does not say how exact a difference is: it has one system, fewer than 10"):
        plan(tmp_path / "scores.json", "0.02")
