"""The rows of a corpus in Parquet files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dataset_builder.corpus.rows import CorpusRow, read_rows
from dataset_builder.corpus.split_files import write_split
from dataset_builder.errors import InputError

ROW = CorpusRow(
    instruction="Read.",
    context="Caches are small.",
    context_sha256="0",
    question="What are caches?",
    answer="Small.",
    paper_id="10.1/a",
    title="Caches",
    year=2020,
    paper_url="u",
    teacher="t",
    kind="question",
)


def test_rows_are_read_as_they_were_written(tmp_path: Path) -> None:
    """With and without the abstract."""
    rows = [ROW, replace(ROW, context=None, question="What else?")]
    path = tmp_path / "t/test-00000-of-00001.parquet"
    write_split(path, rows)
    assert read_rows(path) == rows


def test_other_files_are_refused(tmp_path: Path) -> None:
    """A file that is not Parquet, and one with other columns."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    (tmp_path / "text.parquet").write_text("text")
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        read_rows(tmp_path / "text.parquet")
    pq.write_table(pa.table({"question": ["Why?"]}), tmp_path / "other.parquet")
    with pytest.raises(InputError, match=r"has other columns than a corpus \(question\)"):
        read_rows(tmp_path / "other.parquet")
