"""Write report.html: the whole evaluation in one file that opens from disk, with every question and answer."""

from __future__ import annotations

import json
from pathlib import Path

from dataset_builder.corpus.questions import CorpusQuestion
from eval.analysis.scores import Scores
from eval.metrics.lexical import HEADLINE
from eval.report import notes, tables
from eval.report.figures import training_loss_svg
from eval.report.page import config_views
from eval.run_metrics import RunMetrics

TEMPLATES = Path(__file__).parent / "templates"


def report_html(
    scores: Scores,
    metrics: dict[str, RunMetrics],
    questions: dict[str, list[CorpusQuestion]],
    answers: dict[str, dict[str, list[str]]],
    values: dict[str, dict[str, dict[str, list[float | None]]]],
    papers_by_year: dict[str, int],
) -> str:
    """Return the report as one HTML page that loads nothing from elsewhere.

    `metrics` are by system, `questions` by config, `answers` by system and config, and `values`, one for each answer,
    by config, system and metric. `papers_by_year` counts the papers that the corpus was built from.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    templates = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return templates.get_template("report.html.j2").render(
        scores=scores,
        systems=list(scores.systems),
        configs=config_views(scores),
        notes=notes,
        warning=notes.few_papers_warning(scores),
        decoding_note=notes.decoding_note(scores),
        comparison=tables.comparison(scores, metrics),
        study_table=tables.study_table(),
        training_loss=training_loss_svg(metrics) if metrics else "",
        papers_by_year=papers_by_year,
        examples=_script_json(scores, questions, answers, values),
    )


def _script_json(
    scores: Scores,
    questions: dict[str, list[CorpusQuestion]],
    answers: dict[str, dict[str, list[str]]],
    values: dict[str, dict[str, dict[str, list[float | None]]]],
) -> str:
    """Return the questions and answers as JSON that cannot end its script element or begin a comment there.

    The rule: https://html.spec.whatwg.org/multipage/scripting.html#restrictions-for-contents-of-script-elements.
    """
    systems = list(scores.systems)
    rows = [
        {
            "config": config,
            "title": question.title or question.paper_id,
            "year": question.year,
            "question": question.question,
            "reference": question.answer,
            "answers": [answers[system][config][number] for system in systems],
            "scores": [_rounded(values[config][system][HEADLINE][number]) for system in systems],
        }
        for config, asked in questions.items()
        for number, question in enumerate(asked)
    ]
    text = json.dumps({"systems": systems, "questions": rows}, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
