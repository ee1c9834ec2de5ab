"""Tables for the terminal."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from dataset_builder.tables import as_narrow_tables

HEADING = ["", "similarity, test by plain", "similarity, test by detailed", "training time"]
ROWS = [
    ["first sentence (heuristic baseline)", "0.512 [0.498, 0.526]", "0.500 [0.480, 0.520]", ""],
    ["full", "0.700 [0.690, 0.710]", "0.712 [0.700, 0.724]", "1,234 s"],
]


def _lines(width: int) -> list[str]:
    console = Console(file=StringIO(), width=width)
    for table in as_narrow_tables(HEADING, ROWS, width):
        console.print(table)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_columns_that_do_not_fit_are_in_a_table_of_their_own() -> None:
    """At 80 characters: names of at most 32, two similarities; the training, without the rows that have none."""
    assert _lines(80) == [
        "                             similarity, test by    similarity, test by",
        "                                           plain               detailed",
        "─" * (25 + 3 + 20 + 3 + 20),
        "first sentence (heuristic   0.512 [0.498, 0.526]   0.500 [0.480, 0.520]",
        "baseline)",
        "full                        0.700 [0.690, 0.710]   0.712 [0.700, 0.724]",
        "       training",
        "           time",
        "─" * (4 + 3 + 8),
        "full    1,234 s",
    ]


def test_no_cell_is_cut_or_folded_at_any_width() -> None:
    """From 45 characters on, which the wrapped names and one similarity fit into."""
    cells = [cell for row in ROWS for cell in row[1:]]
    for width in range(45, 200):
        text = "\n".join(_lines(width))
        assert all(cell in text for cell in cells), text
        assert max(map(len, text.splitlines())) <= width
