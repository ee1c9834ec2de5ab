"""scores.json as cards read it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dataset_builder.errors import InputError
from dataset_builder.files import read_json
from eval.report.tables import as_markdown

KEYS = ("dataset", "revision", "date", "encoders", "models", "model_folders")


def read_scores(path: Path) -> dict[str, Any]:
    """Return the content of scores.json; raises `InputError` for a file that lacks what a card is made from."""
    scores = read_json(path)
    missing = [key for key in KEYS if not isinstance(scores, dict) or key not in scores]
    if missing:
        raise InputError(
            f"{path}: has no {', '.join(missing)}, so it is not the scores.json of an evaluation, or one of an older "
            "version; run `python -m eval run` again, which keeps the answers that it has"
        )
    return scores


def scores_table(scores: dict[str, Any]) -> str:
    """Return the mean similarity by config in Markdown: floors, models, ceilings, with intervals where there are."""
    configs = list(dict.fromkeys(config for of_model in scores["models"].values() for config in of_model))

    def cell(of_model: dict[str, Any], config: str) -> str:
        similarity = of_model.get(config, {}).get("cosine_similarity")
        if similarity is None:
            return ""
        interval = f" [{similarity['low']:.3f}, {similarity['high']:.3f}]" if "low" in similarity else ""
        return f"{similarity['mean']:.3f}{interval}"

    floors, ceilings = (
        {f"{kind}: {name}": of["configs"] for name, of in scores.get("heuristics", {}).items() if of["kind"] == kind}
        for kind in ("floor", "ceiling")
    )
    rows = [
        [name, *(cell(of_model, config) for config in configs)]
        for name, of_model in {**floors, **scores["models"], **ceilings}.items()
    ]
    return as_markdown(["model", *(f"test by `{config}`" for config in configs)], rows)
