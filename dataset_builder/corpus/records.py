"""Read JSON Lines files of papers and pairs, with errors that name the file and the line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from dataset_builder.errors import InputError
from dataset_builder.formats import Format, parse_format

VENUE_YEAR = re.compile(r"(?P<venue>[a-z][a-z0-9]*)_(?P<year>\d{4})")


def venue_year_files(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """Return the files of `folder` named VENUE_YEAR with one of `suffixes`, sorted by year and name.

    Raises `InputError` if the folder is missing or holds no such file.
    """
    pattern = " or ".join(f"VENUE_YEAR{suffix}" for suffix in suffixes)
    if not folder.is_dir():
        raise InputError(f"{folder}: folder not found; give the folder that holds the {pattern} files")
    files = [path for path in folder.iterdir() if path.suffix in suffixes and VENUE_YEAR.fullmatch(path.stem)]
    if not files:
        raise InputError(f"{folder}: holds no file named {pattern} (for example isca_2024{suffixes[0]})")
    return sorted(files, key=lambda path: (path.stem.rsplit("_", 1)[1], path.name))


def read_records(model: type[Format], path: Path, remedy: str) -> Iterator[tuple[str, Format]]:
    """Yield each record of a JSON Lines file with its location, "FILE:LINE"; blank lines are skipped.

    Raises `InputError`, which ends with `remedy`, at the first line that does not fit `model`.
    """
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    location = f"{path}:{number}"
                    yield location, parse_format(model, _parse_json(line, location), location, remedy)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error


def _parse_json(line: bytes, location: str) -> object:
    try:
        return json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{location}: not a JSON line ({error}); write one JSON object on each line") from error
