"""The rows of a corpus in Parquet files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dataset_builder.corpus.rows import ROWS_AT_ONCE, CorpusRow, features, iterate_rows, read_rows
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
)


def test_rows_are_written_and_read_in_parts(tmp_path: Path) -> None:
    """More rows than one part has; texts that rows share are one object, and nothing else is left in the folder."""
    rows = [replace(ROW, question=f"What are caches of {number}?") for number in range(2 * ROWS_AT_ONCE + 1)]
    path = tmp_path / "test-00000-of-00001.parquet"
    write_split(tmp_path, "test", iter(rows))
    assert read_rows([path]) == rows
    first, *_, last = read_rows([path])
    assert first.context is last.context
    assert next(iterate_rows([path])) == rows[0]
    assert list(tmp_path.iterdir()) == [path]


def test_file_is_the_one_of_all_rows_at_once(tmp_path: Path) -> None:
    """Byte for byte, with a null context."""
    from dataclasses import asdict

    from datasets import Dataset

    rows = [replace(ROW, context=None, answer=f"Answer {number} {'x' * (number % 90)}.") for number in range(3000)]
    write_split(tmp_path / "t", "test", rows)
    Dataset.from_list([asdict(row) for row in rows], features=features()).to_parquet(tmp_path / "whole.parquet")
    assert (tmp_path / "t/test-00000-of-00001.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()


def test_other_files_are_refused(tmp_path: Path) -> None:
    """A file that is not Parquet, and one with other columns."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    (tmp_path / "text.parquet").write_text("text")
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        read_rows([tmp_path / "text.parquet"])
    pq.write_table(pa.table({"question": ["Why?"]}), tmp_path / "other.parquet")
    with pytest.raises(InputError, match=r"has other columns than a corpus \(question\)"):
        read_rows([tmp_path / "other.parquet"])
