"""Write report.md: all scores with intervals and differences, readable on the Hub and without a browser."""

from pathlib import Path

from dataset_builder.tables import as_markdown
from dataset_builder.templates import render
from eval.analysis.scores import Scores
from eval.report import notes, tables
from eval.run_metrics import RunMetrics


def report_markdown(scores: Scores, metrics: dict[str, RunMetrics]) -> str:
    """Return the report on `scores`; `metrics` are by system, without the systems that this project did not train."""
    text = render(
        Path(__file__).parent / "templates/report.md.j2",
        scores=scores,
        configs=tables.scores_by_config(scores),
        metrics=metrics,
        notes=notes,
        tables=tables,
        as_markdown=as_markdown,
    )
    return text + "\n"
