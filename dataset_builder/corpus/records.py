"""JSON Lines files of papers and pairs, read with errors that name the file and the line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dataset_builder.errors import InputError

VENUE_YEAR = re.compile(r"(?P<venue>[a-z][a-z0-9]*)_(?P<year>\d{4})")


def venue_year_files(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """Return the files of `folder` named VENUE_YEAR and one of `suffixes`, sorted by year and name.

    Raises `InputError` when the folder is missing or holds no such file.
    """
    pattern = " or ".join(f"VENUE_YEAR{suffix}" for suffix in suffixes)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give the folder that holds the {pattern} files")
    files = [path for path in folder.iterdir() if path.suffix in suffixes and VENUE_YEAR.fullmatch(path.stem)]
    if not files:
        raise InputError(f"{folder}: holds no file named {pattern} (for example isca_2024{suffixes[0]})")
    return sorted(files, key=lambda path: (path.stem.rsplit("_", 1)[1], path.name))


def read_json_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each object of a JSON Lines file with its place, "FILE:LINE"; blank lines are passed over.

    Raises `InputError` at a line that is not UTF-8, not JSON or not an object.
    """
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    place = f"{path}:{number}"
                    yield place, _json_object(line, place)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error


def _json_object(line: bytes, place: str) -> dict[str, Any]:
    try:
        record = json.loads(line.decode("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{place}: not a JSON line ({error}); write one JSON object on each line") from error
    if not isinstance(record, dict):
        raise InputError(f"{place}: a {type(record).__name__}, not an object; write one JSON object on each line")
    return record


def required_text(record: dict[str, Any], key: str, place: str) -> str:
    """Return the text at `key`, without spaces at its ends; raises `InputError` when it is missing or empty."""
    if key not in record:
        raise InputError(f"{place}: has no {key!r}, which every record needs; it has {', '.join(map(repr, record))}")
    value = record[key]
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{place}: {key!r} is {value!r}; it must be a text that is not empty")
    return value.strip()
