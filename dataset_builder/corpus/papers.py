"""Papers as the crawler writes them: one file a venue and year, in DBLP's order."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dataset_builder.corpus.records import VENUE_YEAR, read_json_lines, required_text, venue_year_files
from dataset_builder.errors import InputError

DOI_URL = re.compile(r"https?://(?:dx\.)?doi\.org/(?P<doi>10\..+)", re.IGNORECASE)


@dataclass(frozen=True)
class Paper:
    """One paper. `abstract` is None where no source had one."""

    paper_id: str
    title: str
    year: int
    venue: str
    paper_url: str
    abstract: str | None


def read_papers(folder: Path) -> list[Paper]:
    """Read every VENUE_YEAR.jsonl and VENUE_YEAR.json of `folder`, by year and then in file order.

    A .jsonl file holds one paper a line, in the project's format; a .json file is a list of objects with title,
    paper_url and abstract (the raw format of a simple crawl), whose venue and year come from the file's name. Where
    two papers share a paper_id (a DOI given twice), the second is known by its URL.

    Raises `InputError` for a record that breaks the format, and for a paper that stands there twice.
    """
    papers: dict[str, Paper] = {}
    for path in venue_year_files(folder, (".jsonl", ".json")):
        for place, paper in _read_file(path):
            if paper == papers.get(paper.paper_id) or paper.paper_url in papers:
                raise InputError(
                    f"{place}: the paper {paper.paper_id!r} stands here a second time; remove one of the two"
                )
            if paper.paper_id in papers:
                paper = replace(paper, paper_id=paper.paper_url)
            papers[paper.paper_id] = paper
    return list(papers.values())


def _read_file(path: Path) -> Iterator[tuple[str, Paper]]:
    if path.suffix == ".json":
        yield from _read_raw_list(path)
        return
    for place, record in read_json_lines(path):
        year = record.get("year")
        if not isinstance(year, int):
            raise InputError(f"{place}: 'year' is {year!r}; it must be a whole number, for example 2024")
        yield (
            place,
            Paper(
                paper_id=required_text(record, "paper_id", place),
                title=required_text(record, "title", place),
                year=year,
                venue=required_text(record, "venue", place),
                paper_url=required_text(record, "paper_url", place),
                abstract=_abstract(record, place),
            ),
        )


def _read_raw_list(path: Path) -> Iterator[tuple[str, Paper]]:
    try:
        records = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{path}: not a JSON list ({error})") from error
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise InputError(f"{path}: must be a JSON list of objects with title, paper_url and abstract")
    name = VENUE_YEAR.fullmatch(path.stem)
    for number, record in enumerate(records, start=1):
        place = f"{path}: entry {number}"
        url = required_text(record, "paper_url", place)
        doi = DOI_URL.fullmatch(url)
        yield (
            place,
            Paper(
                paper_id=doi["doi"].lower() if doi else url,
                title=required_text(record, "title", place),
                year=int(name["year"]),
                venue=name["venue"],
                paper_url=url,
                abstract=_abstract(record, place),
            ),
        )


def _abstract(record: dict[str, Any], place: str) -> str | None:
    if "abstract" in record and record["abstract"] is None:
        return None
    try:
        return required_text(record, "abstract", place)
    except InputError as error:
        raise InputError(f"{error}; an abstract that was not found is null") from None
