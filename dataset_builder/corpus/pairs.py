"""Question-answer pairs as the teachers write them: TEACHER/VENUE_YEAR.jsonl."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataset_builder.corpus.records import read_json_lines, required_text, venue_year_files
from dataset_builder.errors import InputError
from dataset_builder.files import read_json

# A teacher's name is a folder's name and, on the Hub, a config's.
TEACHER_NAME = re.compile(r"\w[\w.-]*")
# Beside the pairs of a teacher that the project has run: how they were made, and from what a killed run goes on.
MANIFEST_FILE = "generation.json"
WORK_FOLDER = ".generate"


@dataclass(frozen=True)
class Pair:
    """One question on one paper with its answer. `place` is the file and line that it was read from."""

    paper_id: str
    question: str
    answer: str
    place: str


def teacher_folder(folder: Path, teacher: str) -> Path:
    """Return the folder of a teacher's pairs; raises `InputError` for a teacher that `folder` does not hold."""
    path = folder / teacher
    if not TEACHER_NAME.fullmatch(teacher) or not path.is_dir():
        known = sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
        raise InputError(
            f"{teacher!r}: no such teacher in {folder}; it has a folder for each teacher: {', '.join(known) or 'none'}"
        )
    return path


def generation_manifest(folder: Path, teacher: str) -> dict[str, Any] | None:
    """Return the manifest that `generate` wrote with the pairs of `teacher`; None for pairs that were not made by it.

    Raises `InputError` for pairs whose making is not finished: they have no manifest yet.
    """
    path = teacher_folder(folder, teacher) / MANIFEST_FILE
    if path.is_file():
        return read_json(path)
    if (path.parent / WORK_FOLDER).is_dir():
        raise InputError(f"{path.parent}: the teacher has not finished its pairs; run the same `generate` again")
    return None


def read_pairs(folder: Path, teacher: str) -> list[Pair]:
    """Read the pairs of `teacher` from `folder`/`teacher`/VENUE_YEAR.jsonl, by year and then in file order.

    Other files, such as the teacher's rejected.jsonl, are not read.

    Raises `InputError` for an unknown teacher or a record that breaks the format.
    """
    pairs = []
    for path in venue_year_files(teacher_folder(folder, teacher), (".jsonl",)):
        for place, record in read_json_lines(path):
            stated = required_text(record, "teacher", place)
            if stated != teacher:
                raise InputError(
                    f"{place}: 'teacher' is {stated!r} in the folder of {teacher!r}; move the pair to its teacher's"
                )
            pairs.append(
                Pair(
                    paper_id=required_text(record, "paper_id", place),
                    question=required_text(record, "question", place),
                    answer=required_text(record, "answer", place),
                    place=place,
                )
            )
    return pairs
