"""Write tables for the terminal and in Markdown."""

from collections.abc import Iterable
from textwrap import fill

from rich.box import SIMPLE
from rich.cells import cell_len
from rich.table import Table as RichTable

# The heading of the columns, and the rows below it.
Table = tuple[list[str], list[list[str]]]

# The spaces between two columns of a table without lines.
GAP = 3
# The largest share of the terminal's width that the names of the rows take, before they are wrapped.
NAMES_SHARE = 0.4


def as_table(heading: list[str], rows: list[list[str]], title: str | None = None) -> RichTable:
    """Return a table for the terminal. Columns of numbers are aligned to the right."""
    table = RichTable(title=title, title_justify="left")
    for number, column in enumerate(heading):
        numeric = all(row[number][:1] in "-0123456789" for row in rows)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def as_narrow_tables(heading: list[str], rows: list[list[str]], width: int) -> list[RichTable]:
    """Return as many tables as `width` characters need, each with the names of the rows and some of the columns.

    The names and the headings are wrapped between words, and the other cells are not: a table with one very wide
    column is wider than `width`. A table leaves out the rows that have nothing in its columns.
    """
    names_width = max(_longest_word(row[0] for row in rows), int(width * NAMES_SHARE))
    names = [fill(row[0], names_width) for row in rows]
    names_width = max(cell_len(line) for name in names for line in name.splitlines())
    widths = [
        max(_longest_word([name]), *(cell_len(row[number]) for row in rows)) for number, name in enumerate(heading)
    ]
    groups: list[list[int]] = []
    room = 0
    for number in range(1, len(heading)):
        room -= GAP + widths[number]
        if room < 0:
            groups.append([])
            room = width - names_width - GAP - widths[number]
        groups[-1].append(number)
    tables = []
    for numbers in groups:
        table = RichTable(box=SIMPLE, show_edge=False, pad_edge=False)
        table.add_column(heading[0], no_wrap=True)
        for number in numbers:
            table.add_column(fill(heading[number], widths[number]), justify="right", no_wrap=True)
        for name, row in zip(names, rows, strict=True):
            cells = [row[number] for number in numbers]
            if any(cells):
                table.add_row(name, *cells)
        tables.append(table)
    return tables


def as_markdown(heading: list[str], rows: list[list[str]]) -> str:
    """Return a table in Markdown. Every column except the first is aligned to the right."""
    lines = [heading, ["---", *["---:"] * (len(heading) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _longest_word(texts: Iterable[str]) -> int:
    return max((cell_len(word) for text in texts for word in text.split()), default=0)
