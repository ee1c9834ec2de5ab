"""Write report.md: all scores with intervals and differences, readable on the Hub and without a browser."""

from collections.abc import Iterable

from eval.analysis.scores import Scores
from eval.report import notes, tables
from eval.report.tables import as_markdown
from eval.run_metrics import RunMetrics


def report_markdown(scores: Scores, metrics: dict[str, RunMetrics]) -> str:
    """Return the report on `scores`; `metrics` are by system, without the systems that this project did not train."""
    configs = tables.scores_by_config(scores)
    parts = [
        "# Evaluation report",
        "This report compares systems that answer questions about abstracts of computer architecture papers. A system "
        "is a model with its prompt and its decoding. The score is the cosine similarity between the sentence "
        "embeddings of an answer and of its reference answer, averaged over the test questions. The encoder is "
        f"`{scores.encoders[0]}`.",
        "Each test has the questions and reference answers of one teacher:",
        _list(f"{config}: {entry.n} questions on {entry.papers} papers" for config, entry in configs.items()),
        *(f"**{warning}**" for warning in notes.warnings(scores)),
        "## Results",
        as_markdown(*tables.comparison(scores, metrics)),
        "![Similarity by year](figures/similarity_by_year.png)",
        "## How to read the tables",
        _list(
            [
                notes.INTERVALS,
                notes.NOTES["heuristics"],
                notes.decoding_note(scores),
                notes.NOTES["metrics"],
                notes.NOTES["differences"],
                notes.NOTES["agreement"],
            ]
        ),
        *(part for config in configs for part in _config_section(scores, config)),
        *(["## Training", "![Training loss](figures/training_loss.png)"] if metrics else []),
        "## Corpus",
        f"`{scores.dataset}`, revision `{scores.revision}`",
        "![Papers by year](figures/papers_by_year.png)",
        "## Results of the original study",
        notes.NOTES["study"],
        as_markdown(*tables.study_table()),
        "## Limits",
        _list(notes.NOTES["limits"]),
        "## Systems",
        _list(notes.system_note(name, system) for name, system in scores.systems.items()),
        "## Source of the figures",
        notes.measured_note(scores),
        _list(f"{file}: {content}" for file, content in notes.NOTES["sources"].items()),
        "## Citation",
        notes.NOTES["citation"],
    ]
    return "\n\n".join(parts) + "\n"


def _config_section(scores: Scores, config: str) -> list[str]:
    return [
        f"## Test by {config}",
        "### Metrics",
        as_markdown(*tables.metric_table(scores, config)),
        "### Differences in similarity",
        as_markdown(*tables.difference_table(scores, config)),
        "### Similarity by group of questions",
        *(as_markdown(*tables.group_table(scores, config, title)) for title in tables.GROUPINGS),
        "### Agreement of the metrics",
        as_markdown(*tables.agreement_table(scores, config)),
    ]


def _list(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
