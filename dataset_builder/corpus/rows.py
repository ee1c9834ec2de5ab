"""Define the rows of a corpus, and read and write them as Parquet files."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from dataset_builder.errors import InputError

# What a column holds, for the card and for Croissant.
COLUMN_MEANINGS = {
    "instruction": "the task, the same in every row",
    "context": "the abstract",
    "context_sha256": "the SHA-256 of the abstract in UTF-8",
    "question": "the question",
    "answer": "the reference answer",
    "paper_id": "the paper's DOI in lower case, or its URL if it has no DOI",
    "title": "the paper's title",
    "year": "the year of publication",
    "paper_url": "the paper's URL",
    "teacher": "the teacher that wrote the pair",
}


@dataclass(frozen=True)
class CorpusRow:
    """One row of a corpus: a question-answer pair with its paper. The fields are the columns, in their order.

    `context` is the abstract, or None in a corpus that is published without abstracts.
    """

    instruction: str
    context: str | None
    context_sha256: str
    question: str
    answer: str
    paper_id: str
    title: str
    year: int
    paper_url: str
    teacher: str


def parquet_path(config: str, split: str) -> str:
    """Return the path of a split's Parquet file in the corpus folder, by the naming convention of the Hub."""
    return f"{config}/{split}-00000-of-00001.parquet"


def features() -> Any:
    """Return the columns of a corpus with their types, as `datasets.Features`."""
    from datasets import Features, Value

    return Features({field.name: Value("int32" if field.type is int else "string") for field in fields(CorpusRow)})


def write_rows(path: Path, rows: Iterable[CorpusRow]) -> None:
    """Write rows of the corpus to a Parquet file."""
    from datasets import Dataset

    Dataset.from_list([asdict(row) for row in rows], features=features()).to_parquet(path)


def read_rows(path: Path) -> list[CorpusRow]:
    """Return the rows of a Parquet file of the corpus; raises `InputError` if it has other columns."""
    import pyarrow
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (OSError, pyarrow.ArrowInvalid) as error:
        raise InputError(f"{path}: cannot be read as Parquet ({error}); build the corpus again") from error
    if table.column_names != [field.name for field in fields(CorpusRow)]:
        raise InputError(f"{path}: has other columns than a corpus ({', '.join(table.column_names)}); build it again")
    return [CorpusRow(**row) for row in table.to_pylist()]
