"""Check the Markdown of cards and reports."""

from __future__ import annotations

from markdown_it import MarkdownIt


def stray_table_rows(text: str) -> list[str]:
    """Return the lines that GitHub's Markdown takes into a table although they are not rows.

    A paragraph without a blank line between it and the table above becomes a row of that table
    (https://github.github.com/gfm/#tables-extension-).
    """
    lines = text.split("\n")
    tables = [token.map for token in MarkdownIt().enable("table").parse(text) if token.type == "table_open"]
    assert tables, "no table: the check would find nothing"
    return [line for first, end in tables for line in lines[first:end] if not line.startswith("|")]
