"""The figures of a report: every system is drawn, and values below 0 are shown."""

from __future__ import annotations

from pathlib import Path

from eval.report.figures import draw_similarity_by_year, training_loss_svg
from tests.eval.report.example import METRICS, SCORES, config_scores


def test_training_loss_of_more_systems_than_colours() -> None:
    """Nine runs have nine lines, and as many names in the legend."""
    names = [f"run{number}" for number in range(9)]
    text = training_loss_svg({name: METRICS["good"] for name in names})
    assert [name for name in names if f"<!-- {name} -->" not in text] == []


def test_other_losses_are_not_drawn() -> None:
    """DPO and DFT have losses of their own; without a cross entropy there is no figure."""
    others = {"dpo": METRICS["good"].model_copy(update={"method": "dpo"})}
    others["dft"] = METRICS["good"].model_copy(update={"loss_type": "dft"})
    assert training_loss_svg(others) == ""
    text = training_loss_svg({**others, "nll": METRICS["good"].model_copy(update={"loss_type": "nll"})})
    assert "<!-- nll -->" in text and "<!-- dpo -->" not in text and "<!-- dft -->" not in text


def test_years_below_zero_are_drawn(tmp_path: Path) -> None:
    """The axis begins at the lowest end of an interval, -0.45."""
    bad = SCORES.systems["bad"].model_copy(update={"configs": {"plain": config_scores(-0.4)}})
    draw_similarity_by_year(tmp_path, SCORES.model_copy(update={"systems": SCORES.systems | {"bad": bad}}))
    assert "<!-- \N{MINUS SIGN}0.4 -->" in (tmp_path / "similarity_by_year.svg").read_text()
