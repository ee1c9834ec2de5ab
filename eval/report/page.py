"""Arrange the scores of each config as report.html shows them: dot plots, groups and a matrix of differences."""

from __future__ import annotations

import math
from dataclasses import dataclass

from eval.analysis.scores import ConfigScores, DifferenceScore, MeanScore, Scores
from eval.metrics.lexical import HEADLINE
from eval.report import tables
from eval.report.original_study import study_results
from eval.report.tables import GROUPINGS, SYSTEM, Entry, Grouping, Table

# The page has this many colours for systems; the next system has the first colour again.
COLORS = 6
SIGNIFICANCE = 0.05


@dataclass(frozen=True)
class Mark:
    """One line of a dot plot: a mean with its interval, and the original study's mean if it has one."""

    name: str
    kind: str
    color: str
    score: MeanScore
    study: float | None


@dataclass(frozen=True)
class GroupSection:
    """The systems' scores by group of questions, as dot plots by the group's label and as a table."""

    title: str
    marks: dict[str, list[Mark]]
    table: Table


@dataclass(frozen=True)
class Difference:
    """A cell of the matrix: the similarity of the column's system minus that of the row."""

    mean: float
    low: float | None
    high: float | None
    p_corrected: float

    @property
    def significant(self) -> bool:
        """Return whether the corrected p-value is below the significance level."""
        return self.p_corrected < SIGNIFICANCE


@dataclass(frozen=True)
class Axis:
    """The axis of a config's dot plots, from its first tick to its last."""

    ticks: list[float]

    def position(self, value: float) -> str:
        """Return where a value is on the axis, in per cent; a value beyond an end is at that end."""
        low, high = self.ticks[0], self.ticks[-1]
        return f"{100 * (min(max(value, low), high) - low) / (high - low):.2f}%"


@dataclass(frozen=True)
class ConfigView:
    """Everything that the page shows about one config. A cell of the matrix is None for a system and itself."""

    name: str
    scores: ConfigScores
    axis: Axis
    marks: list[Mark]
    sections: list[GroupSection]
    matrix: dict[str, list[Difference | None]]
    metric_table: Table
    agreement_table: Table


def config_views(scores: Scores) -> list[ConfigView]:
    """Return everything that the page shows about each config."""
    return [_config_view(scores, config, entry) for config, entry in tables.scores_by_config(scores).items()]


def _config_view(scores: Scores, config: str, config_scores: ConfigScores) -> ConfigView:
    entries = [entry for entry in tables.entries(scores) if config in entry.configs]
    colors = {name: f"color-{number % COLORS}" for number, name in enumerate(scores.systems)}
    study = study_results(config)

    def mark(entry: Entry, score: MeanScore, group: str | None = None) -> Mark:
        result = study.get(entry.name) if entry.kind == SYSTEM else None
        study_mean = None if result is None else result.by_year.get(group) if group else result.mean
        return Mark(entry.name, entry.kind, colors[entry.name] if entry.kind == SYSTEM else "", score, study_mean)

    def section(grouping: Grouping) -> GroupSection:
        marks: dict[str, list[Mark]] = {}
        for system in systems:
            for group, score in grouping.scores(system.configs[config].metrics[HEADLINE]).items():
                marks.setdefault(tables.group_label(group, score), []).append(mark(system, score, group))
        return GroupSection(f"By {grouping.title}", marks, tables.group_table(scores, config, grouping))

    systems = [entry for entry in entries if entry.kind == SYSTEM]
    marks = [mark(entry, entry.configs[config].metrics[HEADLINE]) for entry in entries]
    sections = [section(grouping) for grouping in GROUPINGS]
    # The intervals of small groups can be wider than the axis, and end at its ends.
    shown = [value for mark in marks for value in (mark.score.low, mark.score.high, mark.study)]
    plots = [marks, *(group for section in sections for group in section.marks.values())]
    shown += [mark.score.mean for plot in plots for mark in plot]
    return ConfigView(
        name=config,
        scores=config_scores,
        axis=fit_axis([value for value in shown if value is not None]),
        marks=marks,
        sections=sections,
        matrix=_matrix(scores.differences[config], entries),
        metric_table=tables.metric_table(scores, config),
        agreement_table=tables.agreement_table(scores, config),
    )


def _matrix(differences: list[DifferenceScore], entries: list[Entry]) -> dict[str, list[Difference | None]]:
    found: dict[tuple[str, str], Difference] = {}
    for score in differences:
        low, high = score.low, score.high
        found[score.first, score.second] = Difference(score.mean, low, high, score.p_corrected)
        found[score.second, score.first] = Difference(
            -score.mean, None if high is None else -high, None if low is None else -low, score.p_corrected
        )
    systems = [entry for entry in entries if entry.kind == SYSTEM]
    others = [entry for entry in entries if entry.kind != SYSTEM]
    return {row.label: [found.get((system.name, row.name)) for system in systems] for row in (*systems, *others)}


def fit_axis(values: list[float]) -> Axis:
    """Return an axis that holds the values, with at most seven ticks."""
    spread = max(values) - min(values)
    step = next((step for step in (0.1, 0.2) if spread / step <= 5), 0.5)
    low, high = math.floor(min(values) / step), math.ceil(max(values) / step)
    return Axis([round(number * step, 1) for number in range(low, max(high, low + 1) + 1)])
