"""The comparison: each model's similarity by test teacher, beside what its training took."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table


def comparison(scores: dict[str, Any], metrics: dict[str, dict[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Return the heading and the rows of the comparison table, as text.

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
    rows = []
    for name, by_config in scores["models"].items():
        measured = metrics.get(name, {})
        means = [by_config[config]["cosine_similarity"]["mean"] if config in by_config else None for config in configs]
        rows.append(
            [
                name,
                *("" if mean is None else f"{mean:.3f}" for mean in means),
                f"{measured['train_seconds']:,.0f} s" if measured else "none",
                f"{measured['trainable_parameters']:,}" if measured else "none",
                f"{measured['peak_memory_bytes'] / 2**30:.1f} GiB" if measured else "none",
            ]
        )
    return heading, rows


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
