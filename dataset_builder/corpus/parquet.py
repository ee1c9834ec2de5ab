"""Read and write the Parquet files of a corpus."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, fields
from pathlib import Path

from dataset_builder.corpus.rows import CorpusRow
from dataset_builder.errors import InputError

COLUMNS = tuple(field.name for field in fields(CorpusRow))


def parquet_path(config: str, split: str) -> str:
    """Return the path of a split's Parquet file in the corpus folder, by the naming convention of the Hub."""
    return f"{config}/{split}-00000-of-00001.parquet"


def write_rows(path: Path, rows: Iterable[CorpusRow]) -> None:
    """Write rows of the corpus to a Parquet file."""
    from datasets import Dataset

    from dataset_builder.corpus.builder import FEATURES

    Dataset.from_list([asdict(row) for row in rows], features=FEATURES).to_parquet(path)


def read_rows(path: Path) -> list[CorpusRow]:
    """Return the rows of a Parquet file of the corpus; raises `InputError` if it has other columns."""
    import pyarrow
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (OSError, pyarrow.ArrowInvalid) as error:
        raise InputError(f"{path}: cannot be read as Parquet ({error}); build the corpus again") from error
    if tuple(table.column_names) != COLUMNS:
        raise InputError(
            f"{path}: has the columns {', '.join(table.column_names)}, but a corpus has {', '.join(COLUMNS)}; build "
            "the corpus again"
        )
    return [CorpusRow(**row) for row in table.to_pylist()]
