"""Question-answer pairs as the teachers write them: TEACHER/VENUE_YEAR.jsonl."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.errors import InputError
from dataset_builder.records import read_json_lines, required_text, venue_year_files

# A teacher's name is a folder's name and, on the Hub, a config's.
TEACHER_NAME = re.compile(r"\w[\w.-]*")


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
