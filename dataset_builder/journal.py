"""Append records to a journal, from which a killed command resumes."""

import glob
import os
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from dataset_builder.errors import InputError
from dataset_builder.files import replacing

Record = TypeVar("Record")


class Journal(Generic[Record]):
    """An append-only list of records in `folder`/STEM-PROCESS.jsonl, which each process extends in its own file.

    A line holds the records of one `append` as a JSON list. A kill leaves at most one incomplete last line: it is
    ignored, and the process that owns the file cuts it off when it opens the journal. Records are pydantic models or
    dataclasses (`record` is their class). Threads may share a journal.
    """

    def __init__(self, folder: Path, stem: str, record: type[Record], process: int = 0) -> None:
        self._folder = folder
        self._stem = stem
        self._own = folder / f"{stem}-{process:05d}.jsonl"
        self._adapter = TypeAdapter(list[record])  # type: ignore[valid-type]  # the class is known at run time only
        self._read: dict[Path, int] = {}
        self._lock = Lock()
        if self._own.is_file():
            os.truncate(self._own, self._own.read_bytes().rfind(b"\n") + 1)

    def append(self, records: Sequence[Record]) -> None:
        """Add records that belong together; they are on disk when this returns. After an `OSError`, none is there."""
        line = self._adapter.dump_json(list(records)) + b"\n"
        with self._lock:
            size = self._own.stat().st_size if self._own.is_file() else 0
            try:
                with self._own.open("ab") as file:
                    file.write(line)
                    file.flush()
                    os.fsync(file.fileno())
            except OSError:
                # The next line must not continue a part of this one.
                if self._own.is_file():
                    os.truncate(self._own, size)
                raise

    def read_new(self) -> list[Record]:
        """Return the records that all processes, this one included, added since the last call.

        Raises `InputError` for a line that does not hold records of this class.
        """
        records: list[Record] = []
        with self._lock:
            for path in sorted(self._folder.glob(f"{glob.escape(self._stem)}-{'[0-9]' * 5}.jsonl")):
                start = self._read.get(path, 0)
                with path.open("rb") as file:
                    file.seek(start)
                    content = file.read()
                complete = content[: content.rfind(b"\n") + 1]
                for line in complete.splitlines():
                    try:
                        records += self._adapter.validate_json(line)
                    except ValidationError as error:
                        first = error.errors(include_url=False)[0]
                        problem = f"a line does not hold the records of this version ({first['msg']})"
                        raise InputError(f"{path}: {problem}; remove the file to start again") from error
                self._read[path] = start + len(complete)
        return records

    def replace(self, records: Sequence[Record]) -> None:
        """Replace the content of this process's file by `records`, completely or not at all.

        `read_new` does not return these records again.
        """
        with self._lock:
            with replacing(self._own) as temporary:
                temporary.write_bytes(self._adapter.dump_json(list(records)) + b"\n")
            self._read[self._own] = self._own.stat().st_size
