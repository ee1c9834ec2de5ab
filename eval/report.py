"""report.md: the comparison, the scores by year and the figures, for a reader of the folder."""

from __future__ import annotations

from typing import Any

from eval.comparison import as_markdown, comparison


def report_markdown(scores: dict[str, Any], metrics: dict[str, dict[str, Any]]) -> str:
    """Return the report on `scores` (the content of scores.json) and the runs' `metrics`, by model."""
    first = next(iter(scores["models"].values()))
    asked = ", ".join(f"{config}: {of['n']} questions on {of['papers']} papers" for config, of in first.items())
    parts = [
        "# Evaluation",
        f"Corpus `{scores['dataset']}`, revision `{scores['revision']}`. Test questions: {asked}. Similarity is the "
        f"cosine of sentence embeddings by {', '.join(f'`{encoder}`' for encoder in scores['encoders'])}, "
        "averaged over the questions; answers are greedy.",
        as_markdown(*comparison(scores, metrics)),
        "![Similarity by year](figures/similarity_by_year.png)",
        *(_by_year(scores, config) for config in first),
    ]
    if metrics:
        parts.append("![Training loss](figures/training_loss.png)")
    parts.append("![Papers by year](figures/papers_by_year.png)")
    return "\n\n".join(parts) + "\n"


def _by_year(scores: dict[str, Any], config: str) -> str:
    models = scores["models"]
    years = list(next(iter(models.values()))[config]["cosine_similarity"]["by_year"])
    rows = [
        [name, *(f"{of_model[config]['cosine_similarity']['by_year'][year]['mean']:.3f}" for year in years)]
        for name, of_model in models.items()
    ]
    return f"## Test written by {config}, by year\n\n" + as_markdown(["model", *years], rows)
