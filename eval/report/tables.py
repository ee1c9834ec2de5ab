"""The comparison: each model's similarity by test teacher, beside floors, ceilings and what its training took."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eval.metrics.lexical import HEADLINE

if TYPE_CHECKING:
    from rich.table import Table


def comparison(scores: dict[str, Any], metrics: dict[str, dict[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Return the heading and the rows of the comparison table, as text: floors, models, ceilings.

    `scores` is the content of scores.json; `metrics` holds by model what its run's metrics.json holds, or nothing for
    a model that was not trained here.
    """
    configs = list(dict.fromkeys(config for model in scores["models"].values() for config in model))
    heading = [
        "model",
        *(f"similarity, test by {config}" for config in configs),
        "training time",
        "trainable parameters",
        "peak memory",
    ]
    models = []
    for name, by_config in scores["models"].items():
        measured = metrics.get(name, {})
        models.append(
            [
                name,
                *(with_interval(by_config.get(config)) for config in configs),
                f"{measured['train_seconds']:,.0f} s" if measured else "none",
                f"{measured['trainable_parameters']:,}" if measured else "none",
                f"{measured['peak_memory_bytes'] / 2**30:.1f} GiB" if measured else "none",
            ]
        )
    # Scores of before there were floors and ceilings have none.
    others = scores.get("heuristics", {})
    floors, ceilings = (
        [
            [f"{kind}: {name}", *(with_interval(of["configs"].get(config)) for config in configs), "", "", ""]
            for name, of in others.items()
            if of["kind"] == kind
        ]
        for kind in ("floor", "ceiling")
    )
    return heading, [*floors, *models, *ceilings]


def with_interval(entry: dict[str, Any] | None, measure: str = HEADLINE) -> str:
    """Return the mean of a measure with its 95 % interval, "0.616 (0.598 to 0.634)"; empty where there is none."""
    if entry is None or measure not in entry:
        return ""
    of = entry[measure]
    return f"{of['mean']:.3f}" + (f" ({of['low']:.3f} to {of['high']:.3f})" if "low" in of else "")


def as_table(heading: list[str], rows: list[list[str]]) -> Table:
    """Return the table for the terminal."""
    from rich.table import Table

    table = Table()
    for column in heading:
        table.add_column(column, justify="left" if column == heading[0] else "right")
    for row in rows:
        table.add_row(*row)
    return table


def as_markdown(heading: list[str], rows: list[list[str]]) -> str:
    """Return the table in Markdown, with every column but the first aligned right."""
    lines = [heading, ["---", *["---:"] * (len(heading) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
