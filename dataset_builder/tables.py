"""Write tables for the terminal and in Markdown."""

from rich.table import Table as RichTable

# The heading of the columns, and the rows below it.
Table = tuple[list[str], list[list[str]]]


def as_table(heading: list[str], rows: list[list[str]], title: str | None = None) -> RichTable:
    """Return a table for the terminal. Columns of numbers are aligned to the right."""
    table = RichTable(title=title, title_justify="left")
    for number, column in enumerate(heading):
        numeric = all(row[number][:1] in "-0123456789" for row in rows)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def as_markdown(heading: list[str], rows: list[list[str]]) -> str:
    """Return a table in Markdown. Every column except the first is aligned to the right."""
    lines = [heading, ["---", *["---:"] * (len(heading) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
