"""Write report.html: the whole evaluation in one file that opens from disk, with every question and answer."""

import json
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.corpus.questions import CorpusQuestion
from dataset_builder.prompt import MAX_ANSWER_TOKENS
from dataset_builder.templates import render
from eval.analysis.scores import ConfigScores, DifferenceScore, MeanScore, Scores
from eval.asking.evidence import AnswerEvidence
from eval.metrics.lexical import HEADLINE
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

# The ticks of the dot plots.
TICKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
# The page has this many colours for systems; the next system has the first colour again.
COLORS = 6


@dataclass(frozen=True)
class Mark:
    """One line of a dot plot: a mean with its interval."""

    name: str
    remark: str
    color: str
    score: MeanScore


@dataclass(frozen=True)
class ConfigView:
    """The plots and the differences of one config.

    `years` has the systems' marks by the label of the year. A cell of `matrix` is the column's system minus the row,
    None for a system and itself.
    """

    name: str
    scores: ConfigScores
    marks: list[Mark]
    years: dict[str, list[Mark]]
    matrix: dict[str, list[DifferenceScore | None]]


def report_html(
    scores: Scores,
    metrics: dict[str, RunMetrics],
    questions: Questions,
    answers: Answers,
    values: Values,
    evidence: Evidence | None = None,
) -> str:
    """Return the report as one HTML page that loads nothing from elsewhere.

    `metrics` are by system. With `evidence`, each answer has its cited sentences, and the numbers and names that it
    has from elsewhere.
    """
    views = [_config_view(scores, config, entry) for config, entry in tables.scores_by_config(scores).items()]
    return render(
        Path(__file__).parent / "templates/report.html.j2",
        scores=scores,
        systems=list(scores.systems),
        compared=scores.compared_systems,
        quiet={entry.label for entry in tables.entries(scores) if entry.kind != SYSTEM},
        configs=views,
        ticks=TICKS,
        position=axis_position,
        notes=notes,
        tables=tables,
        metrics=metrics,
        training_loss=training_loss_svg(metrics),
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
            "scores": [_rounded(values[config][system][HEADLINE][number]) for system in systems],
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
    data = {"limit": MAX_ANSWER_TOKENS, "systems": systems, "papers": papers, "questions": rows}
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _config_view(scores: Scores, config: str, config_scores: ConfigScores) -> ConfigView:
    entries = [entry for entry in tables.entries(scores) if config in entry.configs]
    systems = [entry for entry in entries if entry.kind == SYSTEM]
    colors = {name: f"color-{number % COLORS}" for number, name in enumerate(scores.systems)}

    def mark(entry: Entry, score: MeanScore) -> Mark:
        return Mark(entry.name, entry.remark, colors[entry.name] if entry.kind == SYSTEM else "", score)

    marks = [mark(entry, entry.configs[config].metrics[HEADLINE]) for entry in entries]
    years: dict[str, list[Mark]] = {}
    for system in systems:
        for year, score in system.configs[config].metrics[HEADLINE].by_year.items():
            years.setdefault(tables.year_label(year, score), []).append(mark(system, score))
    return ConfigView(config, config_scores, marks, years, _matrix(scores, config, entries))


def _matrix(scores: Scores, config: str, entries: list[Entry]) -> dict[str, list[DifferenceScore | None]]:
    found = scores.differences_by_pair(config)
    compared = scores.compared_systems
    systems = [entry for entry in entries if entry.kind == SYSTEM and entry.name in compared]
    others = [entry for entry in entries if entry.kind != SYSTEM]
    return {row.label: [found.get((name, row.name)) for name in compared] for row in (*systems, *others)}


def axis_position(value: float) -> str:
    """Return where a value is on the axis of the dot plots, in per cent; a value beyond an end is at that end."""
    return f"{100 * min(max(value, TICKS[0]), TICKS[-1]):.2f}%"
