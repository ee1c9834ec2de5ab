"""Write report.html: the whole evaluation in one file that opens from disk, with every question and answer."""

import json
import math
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.corpus.questions import CorpusQuestion
from dataset_builder.prompt import MAX_ANSWER_TOKENS
from dataset_builder.templates import render
from eval.analysis.gains import compared_systems, differences_by_pair
from eval.analysis.scores import ConfigScores, DifferenceScore, MeanScore, Scores
from eval.asking.evidence import AnswerEvidence
from eval.metrics.lexical import HEADLINE, SUPPORT
from eval.prompting import Answer
from eval.report import notes, tables
from eval.report.figures import training_loss_svg
from eval.report.tables import SYSTEM, Entry
from eval.run_metrics import RunMetrics

# By config; then by system, with one answer for each question; then by metric, with one value for each answer.
Questions = dict[str, list[CorpusQuestion]]
Answers = dict[str, dict[str, list[Answer]]]
Values = dict[str, dict[str, dict[str, list[float | None]]]]
Evidence = dict[str, dict[str, list[AnswerEvidence]]]

# The page has this many colours for systems; the next system has the first colour again.
COLORS = 6


@dataclass(frozen=True)
class Mark:
    """One line of a dot plot: a mean with its interval, and the original study's mean if it has one."""

    name: str
    remark: str
    color: str
    score: MeanScore
    study: float | None


@dataclass(frozen=True)
class Axis:
    """The axis of the dot plots, from its first tick to its last."""

    ticks: list[float]

    def position(self, value: float) -> str:
        """Return where a value is on the axis, in per cent; a value beyond an end is at that end."""
        low, high = self.ticks[0], self.ticks[-1]
        return f"{100 * (min(max(value, low), high) - low) / (high - low):.2f}%"


@dataclass(frozen=True)
class ConfigView:
    """The plots and the differences of one config.

    `groups` has for each title of `GROUPINGS` the systems' marks by the label of the group. A cell of `matrix` is the
    column's system minus the row, None for a system and itself.
    """

    name: str
    scores: ConfigScores
    marks: list[Mark]
    groups: dict[str, dict[str, list[Mark]]]
    matrix: dict[str, list[DifferenceScore | None]]


def report_html(
    scores: Scores,
    metrics: dict[str, RunMetrics],
    questions: Questions,
    answers: Answers,
    values: Values,
    papers_by_year: dict[str, int],
    evidence: Evidence | None = None,
) -> str:
    """Return the report as one HTML page that loads nothing from elsewhere.

    `metrics` are by system. `papers_by_year` counts the papers that the corpus was built from. With `evidence`, each
    answer has its cited sentences and its unsupported numbers and names.
    """
    views = [_config_view(scores, config, entry) for config, entry in tables.scores_by_config(scores).items()]
    return render(
        Path(__file__).parent / "templates/report.html.j2",
        scores=scores,
        systems=list(scores.systems),
        compared=compared_systems(scores),
        quiet={entry.label for entry in tables.entries(scores) if entry.kind != SYSTEM},
        configs=views,
        axis=_shared_axis(views),
        notes=notes,
        tables=tables,
        metrics=metrics,
        training_loss=training_loss_svg(metrics),
        papers_by_year=papers_by_year,
        examples=_script_json(scores, questions, answers, values, evidence or {}),
    )


def _script_json(scores: Scores, questions: Questions, answers: Answers, values: Values, evidence: Evidence) -> str:
    """Return the questions and answers as JSON that cannot end its script element or begin a comment there.

    The rule: https://html.spec.whatwg.org/multipage/scripting.html#restrictions-for-contents-of-script-elements.
    """
    systems = list(scores.systems)
    rows = [
        {
            "config": config,
            "title": question.title or question.paper_id,
            "paper": question.paper_id,
            "year": question.year,
            "question": question.question,
            "reference": question.answer,
            "answers": [answers[config][system][number].text for system in systems],
            "cut": [answers[config][system][number].is_cut for system in systems],
            "scores": [_rounded(values[config][system][HEADLINE], number) for system in systems],
            "supports": [_rounded(values[config][system].get(SUPPORT), number) for system in systems],
            "cited": [[one.text for one in found[system][number].cited] if found else [] for system in systems],
            "unsupported": [found[system][number].unsupported if found else [] for system in systems],
        }
        for config, asked in questions.items()
        for found in [evidence.get(config)]
        for number, question in enumerate(asked)
    ]
    papers = {
        question.paper_id: {"abstract": question.context, "url": question.paper_url}
        for asked in questions.values()
        for question in asked
    }
    data = {
        "limit": MAX_ANSWER_TOKENS,
        "threshold": scores.verifier.threshold if scores.verifier else None,
        "systems": systems,
        "papers": papers,
        "questions": rows,
    }
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def _rounded(values: list[float | None] | None, number: int) -> float | None:
    value = values[number] if values else None
    return None if value is None else round(value, 4)


def _config_view(scores: Scores, config: str, config_scores: ConfigScores) -> ConfigView:
    entries = [entry for entry in tables.entries(scores) if config in entry.configs]
    systems = [entry for entry in entries if entry.kind == SYSTEM]
    colors = {name: f"color-{number % COLORS}" for number, name in enumerate(scores.systems)}
    study = notes.NOTES["study_results"].get(notes.NOTES["study_teachers"].get(config), {})

    def mark(entry: Entry, score: MeanScore, group: str | None = None) -> Mark:
        study_mean = study.get(entry.name, {}).get(group or "all") if entry.kind == SYSTEM else None
        return Mark(entry.name, entry.remark, colors[entry.name] if entry.kind == SYSTEM else "", score, study_mean)

    marks = [mark(entry, entry.configs[config].metrics[HEADLINE]) for entry in entries]
    groups: dict[str, dict[str, list[Mark]]] = {}
    for title, by_group in tables.GROUPINGS.items():
        plots = groups.setdefault(title, {})
        for system in systems:
            for group, score in by_group(system.configs[config].metrics[HEADLINE]).items():
                plots.setdefault(tables.group_label(group, score), []).append(mark(system, score, group))
    return ConfigView(
        name=config,
        scores=config_scores,
        marks=marks,
        groups=groups,
        matrix=_matrix(scores, config, entries),
    )


def _matrix(scores: Scores, config: str, entries: list[Entry]) -> dict[str, list[DifferenceScore | None]]:
    found = differences_by_pair(scores, config)
    compared = compared_systems(scores)
    systems = [entry for entry in entries if entry.kind == SYSTEM and entry.name in compared]
    others = [entry for entry in entries if entry.kind != SYSTEM]
    return {row.label: [found.get((name, row.name)) for name in compared] for row in (*systems, *others)}


def _shared_axis(views: list[ConfigView]) -> Axis:
    """Return one axis for all configs, whose plots are side by side."""
    shown: list[float | None] = []
    for view in views:
        for mark in view.marks:
            shown += [mark.score.mean, mark.score.low, mark.score.high, mark.study]
        # The intervals of small groups can be wider than the axis, and end at its ends.
        shown += [mark.score.mean for plots in view.groups.values() for plot in plots.values() for mark in plot]
    return fit_axis([value for value in shown if value is not None])


def fit_axis(values: list[float]) -> Axis:
    """Return an axis that holds the values, with at most seven ticks."""
    spread = max(values) - min(values)
    step = next((step for step in (0.1, 0.2) if spread / step <= 5), 0.5)
    low, high = math.floor(min(values) / step), math.ceil(max(values) / step)
    return Axis([round(number * step, 1) for number in range(low, max(high, low + 1) + 1)])
