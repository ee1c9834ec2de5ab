"""Define the rows of a corpus, and read them from Parquet files."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from dataset_builder.errors import InputError

ROWS_AT_ONCE = 1000
# What a column holds, for the card.
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
    "kind": "the kind of the question; `question` if the pair names none",
}


@dataclass(frozen=True, slots=True)
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
    kind: str


def features() -> Any:
    """Return the columns of a corpus with their types, as `datasets.Features`."""
    from datasets import Features, Value

    return Features({field.name: Value("int32" if field.type is int else "string") for field in fields(CorpusRow)})


def read_rows(path: Path) -> list[CorpusRow]:
    """Return the rows of a Parquet file of the corpus.

    Raises `InputError` if the file cannot be read or has other columns.
    """
    import pyarrow
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (OSError, pyarrow.ArrowInvalid) as error:
        raise InputError(f"{path}: cannot be read as Parquet ({error}); build the corpus again") from error
    if table.column_names != [field.name for field in fields(CorpusRow)]:
        problem = f"has other columns than a corpus ({', '.join(table.column_names)})"
        raise InputError(f"{path}: {problem}; build it again")
    return [CorpusRow(**row) for row in table.to_pylist()]
