"""Read the records of bulk metadata files: JSON Lines, plain or compressed by gzip, or Parquet."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, TypeVar

from pydantic import BaseModel, ValidationError

from dataset_builder.errors import InputError

SUFFIXES = (".json", ".jsonl", ".gz", ".parquet")
ROWS_AT_ONCE = 1000

Record = TypeVar("Record", bound=BaseModel)


class BulkRecord(Protocol):
    """What a source says about a paper, in its own words.

    `subjects` are the names by which the source sorts papers, and `problem` is the reason why the record is not a
    paper, or None.
    """

    @property
    def subjects(self) -> set[str]: ...  # noqa: D102
    @property
    def year(self) -> int | None: ...  # noqa: D102
    @property
    def problem(self) -> str | None: ...  # noqa: D102
    @property
    def doi(self) -> str | None: ...  # noqa: D102
    @property
    def url(self) -> str: ...  # noqa: D102
    @property
    def title(self) -> str | None: ...  # noqa: D102
    @property
    def abstract(self) -> str | None: ...  # noqa: D102


def find_files(paths: list[Path]) -> list[Path]:
    """Return the files among `paths` and in folders among them, in order.

    Raises `InputError` for a path that does not exist, and for a file or a folder without a name that ends as a
    metadata file does.
    """
    files = []
    for path in paths:
        found = sorted(path.rglob("*")) if path.is_dir() else [path]
        # Some programs write a data set as a folder with the name of a file.
        found = [file for file in found if file == path or (file.is_file() and file.suffix in SUFFIXES)]
        # A snapshot of OpenAlex has lists of its files beside them.
        found = [file for file in found if file.name != "manifest.json"]
        if not path.exists() or not found or found[0].suffix not in SUFFIXES:
            raise InputError(f"--files {path}: give files, or folders with files, that end in {', '.join(SUFFIXES)}")
        files += found
    return files


def iterate_records(model: type[Record], path: Path) -> Iterator[Record | None]:
    """Yield each record of a file, or None in place of one that does not fit `model`.

    Other keys are not read. Raises `InputError` for a file that cannot be read.
    """
    import pyarrow

    try:
        yield from _rows(model, path) if path.suffix == ".parquet" else _lines(model, path)
    except (OSError, EOFError, zlib.error, pyarrow.ArrowInvalid) as error:
        raise InputError(f"--files {path}: cannot be read ({error}); download it again") from error


def _lines(model: type[Record], path: Path) -> Iterator[Record | None]:
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
        for line in filter(bytes.strip, lines):
            try:
                yield model.model_validate_json(line)
            except ValidationError:
                yield None


def _rows(model: type[Record], path: Path) -> Iterator[Record | None]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        columns = [name for name in file.schema_arrow.names if name in model.model_fields]
        for batch in file.iter_batches(ROWS_AT_ONCE, columns=columns):
            for row in batch.to_pylist():
                try:
                    yield model.model_validate(row)
                except ValidationError:
                    yield None
