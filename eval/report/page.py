"""Arrange the scores of each config as report.html shows them: dot plots, groups and a matrix of differences."""

from __future__ import annotations

import math
from dataclasses import dataclass

from eval.analysis.scores import ConfigScores, DifferenceScore, MeanScore, Scores
from eval.metrics.lexical import HEADLINE
from eval.report import tables
from eval.report.original_study import study_results
from eval.report.tables import GROUPINGS, SYSTEM, Entry, Grouping, Table

# The page has so many colours for systems; a seventh system has the first colour again.
COLORS = 6
SIGNIFICANCE = 0.05


@dataclass(frozen=True)
class Mark:
    """One line of a dot plot: a mean with its interval, and the original study's mean if it has one."""

    name: str
    kind: str
    color: str
    score: MeanScore
    study: float | None = None


@dataclass(frozen=True)
class Group:
    """The systems' scores on a group of questions."""

    label: str
    marks: list[Mark]


@dataclass(frozen=True)
class GroupSection:
    """The groups of one grouping, as dot plots and as a table."""

    title: str
    groups: list[Group]
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
class MatrixRow:
    """A row of the matrix, with a cell for each system; None compares a system with itself."""

    label: str
    cells: list[Difference | None]


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
    """Everything that the page shows of one config."""

    name: str
    scores: ConfigScores
    axis: Axis
    marks: list[Mark]
    sections: list[GroupSection]
    matrix: list[MatrixRow]
    metric_table: Table
    agreement_table: Table


def config_views(scores: Scores) -> list[ConfigView]:
    """Return what the page shows of each config."""
    return [_config_view(scores, config, entry) for config, entry in tables.scores_by_config(scores).items()]


def _config_view(scores: Scores, config: str, config_scores: ConfigScores) -> ConfigView:
    entries = [entry for entry in tables.entries(scores) if config in entry.configs]
    colors = {name: f"color-{number % COLORS}" for number, name in enumerate(scores.systems)}
    study = study_results(config)
    marks = [
        Mark(
            name=entry.name,
            kind=entry.kind,
            color=colors[entry.name] if entry.kind == SYSTEM else "",
            score=entry.configs[config].metrics[HEADLINE],
            study=study[entry.name].mean if entry.kind == SYSTEM and entry.name in study else None,
        )
        for entry in entries
    ]
    systems = [entry for entry in entries if entry.kind == SYSTEM]
    sections = [
        GroupSection(
            title=f"By {grouping.title}",
            groups=_groups(systems, config, grouping, colors),
            table=tables.group_table(scores, config, grouping),
        )
        for grouping in GROUPINGS
    ]
    shown = [value for mark in marks for value in (mark.score.mean, mark.score.low, mark.score.high, mark.study)]
    shown += [mark.score.mean for section in sections for group in section.groups for mark in group.marks]
    return ConfigView(
        name=config,
        scores=config_scores,
        # The intervals of small groups can be wider than the axis, and end at its ends.
        axis=_axis([value for value in shown if value is not None]),
        marks=marks,
        sections=sections,
        matrix=_matrix(scores.differences[config], entries, systems),
        metric_table=tables.metric_table(scores, config),
        agreement_table=tables.agreement_table(scores, config),
    )


def _groups(systems: list[Entry], config: str, grouping: Grouping, colors: dict[str, str]) -> list[Group]:
    scores = {system.name: grouping.scores(system.configs[config].metrics[HEADLINE]) for system in systems}
    study = study_results(config)
    first = next(iter(scores.values()))
    return [
        Group(
            label=tables.group_label(label, group),
            marks=[
                Mark(
                    name=name,
                    kind=SYSTEM,
                    color=colors[name],
                    score=by_group[label],
                    study=study[name].by_year.get(label) if name in study else None,
                )
                for name, by_group in scores.items()
            ],
        )
        for label, group in first.items()
    ]


def _matrix(differences: list[DifferenceScore], entries: list[Entry], systems: list[Entry]) -> list[MatrixRow]:
    found: dict[tuple[str, str], Difference] = {}
    for score in differences:
        low, high = score.low, score.high
        found[score.first, score.second] = Difference(score.mean, low, high, score.p_corrected)
        found[score.second, score.first] = Difference(
            -score.mean, None if high is None else -high, None if low is None else -low, score.p_corrected
        )
    rows = [*systems, *(entry for entry in entries if entry.kind != SYSTEM)]
    return [MatrixRow(row.label, [found.get((system.name, row.name)) for system in systems]) for row in rows]


def _axis(values: list[float]) -> Axis:
    """Return an axis that holds the values, with at most seven ticks."""
    spread = max(values) - min(values)
    step = next((step for step in (0.1, 0.2) if spread / step <= 5), 0.5)
    low, high = math.floor(min(values) / step), math.ceil(max(values) / step)
    return Axis([round(number * step, 1) for number in range(low, max(high, low + 1) + 1)])
