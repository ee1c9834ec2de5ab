"""Read and write papers: one VENUE_YEAR.jsonl file for each venue and year, in the order of DBLP."""

import logging
import os
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote

from pydantic import AfterValidator, ConfigDict, Field

from dataset_builder.errors import InputError
from dataset_builder.files import read_json, write_text
from dataset_builder.formats import FileFormat, Text, parse_format, read_records, to_json_line
from dataset_builder.text import words

logger = logging.getLogger(__name__)

VENUE_YEAR = re.compile(r"(?P<venue>[a-z][a-z0-9]*)_(?P<year>[0-9]{4})")
DOI = re.compile(r"(?P<resolver>(?:https?://)?(?:dx\.|www\.)?doi\.org/|doi:\s*)?(?P<doi>10\.\d+/\S+)", re.IGNORECASE)
# What the stages write beside papers and pairs.
OTHER_FILES = frozenset({"crawl_report.json", "generation.json", "rejected.jsonl"})
REMEDY = "correct the paper (an abstract that was not found is null)"


def parse_doi(text: str) -> str | None:
    """Return the DOI that `text` is, bare or as a URL, in lower case; None if it is not a DOI."""
    match = DOI.fullmatch(text.strip())
    return (unquote(match["doi"]) if match["resolver"] else match["doi"]).lower() if match else None


def normalize_paper_id(paper_id: str) -> str:
    """Return the form in which paper_ids are compared: a DOI in lower case and without its resolver's URL."""
    return parse_doi(paper_id) or paper_id


def _check_venue(venue: str) -> str:
    if not re.fullmatch("[a-z][a-z0-9]*", venue):
        raise ValueError("a venue has lower-case letters and digits only, as in the file's name, such as isca")
    return venue


class Paper(FileFormat):
    """One paper: a line of VENUE_YEAR.jsonl.

    `paper_id` is the DOI in lower case, or the URL of a paper without a DOI. `abstract` is None if no source has it;
    `abstract_source` names the source that has it. `venue` is part of file names. Other keys are ignored.
    """

    model_config = ConfigDict(extra="ignore")

    paper_id: Annotated[Text, AfterValidator(normalize_paper_id)]
    title: Text
    year: Annotated[int, Field(ge=1000, le=9999)]
    venue: Annotated[Text, AfterValidator(_check_venue)]
    paper_url: Text
    doi: str | None = None
    abstract: Text | None
    abstract_source: str | None = None


class RawPaper(FileFormat):
    """One entry of VENUE_YEAR.json, the raw format of a simple crawl: a JSON list of these. Other keys are ignored."""

    model_config = ConfigDict(extra="ignore")

    title: Text
    paper_url: Text
    abstract: Text | None


def venue_year_files(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """Return the files of `folder` named VENUE_YEAR with one of `suffixes`, sorted by year and name.

    A warning names files with one of the suffixes and another name. Raises `InputError` if the folder is missing or
    holds no such file, and for something of such a name that is not a file, such as a folder or a broken link.
    """
    pattern = " or ".join(f"VENUE_YEAR{suffix}" for suffix in suffixes)
    if not folder.is_dir():
        raise InputError(f"{folder}: folder not found; give the folder that holds the {pattern} files")
    candidates = [path for path in folder.iterdir() if path.suffix in suffixes and path.name not in OTHER_FILES]
    files = [path for path in candidates if VENUE_YEAR.fullmatch(path.stem)]
    for path in sorted(set(candidates) - set(files)):
        _warn_of_skipped_file(path, pattern)
    if not files:
        raise InputError(f"{folder}: holds no file named {pattern} (for example isca_2024{suffixes[0]})")
    # A pipe would be waited for without end.
    for path in files:
        if not path.is_file():
            raise InputError(f"{path}: is not a file, or a link that leads nowhere; replace or remove it")
    return sorted(files, key=lambda path: (path.stem.rsplit("_", 1)[1], path.name))


@cache
def _warn_of_skipped_file(path: Path, pattern: str) -> None:
    """Warn once in a process, since a stage may read a folder several times."""
    # Bytes that are not UTF-8 are shown as escapes, because a log file may take UTF-8 only.
    shown = os.fsencode(path).decode(errors="backslashreplace")
    logger.warning("%s: not read, since its name is not %s (for example isca_2024); rename it", shown, pattern)


def read_papers(folder: Path) -> list[Paper]:
    """Read every VENUE_YEAR.jsonl and VENUE_YEAR.json of `folder`, by year and then in file order.

    Venue and year of a raw paper come from the file's name. If two papers share a paper_id (DBLP gives some DOIs
    twice), the second one gets its URL as its paper_id.

    Raises `InputError` for a record that does not fit the format or its file's name, and for a paper that is there
    twice: with the same paper_id, and the same title or abstract.
    """
    papers: dict[str, Paper] = {}
    duplicates: list[str] = []
    for path in venue_year_files(folder, (".jsonl", ".json")):
        for location, paper in read_records(Paper, path, REMEDY) if path.suffix == ".jsonl" else _read_raw(path):
            if (name := f"{paper.venue}_{paper.year}") != path.stem:
                raise InputError(f"{location}: the paper is of {name}; correct it, or move it to {name}{path.suffix}")
            known = papers.get(paper.paper_id)
            if paper.paper_url in papers or (known and _is_same(paper, known)):
                duplicates.append(f"{location}: the paper {paper.paper_id!r} is a duplicate")
                continue
            if known:
                paper = paper.model_copy(update={"paper_id": paper.paper_url})
            papers[paper.paper_id] = paper
    if duplicates:
        others = f" (and {len(duplicates) - 1} more)" if duplicates[1:] else ""
        raise InputError(f"{duplicates[0]}{others}; remove one of the two")
    return list(papers.values())


def write_papers(path: Path, papers: Iterable[Paper]) -> None:
    """Write `papers` to a VENUE_YEAR.jsonl file, completely or not at all."""
    write_text(path, "".join(map(to_json_line, papers)))


def _is_same(paper: Paper, other: Paper) -> bool:
    return words(paper.title) == words(other.title) or (paper.abstract or "") == other.abstract


def _read_raw(path: Path) -> Iterator[tuple[str, Paper]]:
    records = read_json(path)
    name = VENUE_YEAR.fullmatch(path.stem)
    if not isinstance(records, list) or name is None:
        raise InputError(f"{path}: must be a JSON list of objects with title, paper_url and abstract")
    for number, record in enumerate(records, start=1):
        location = f"{path}: entry {number}"
        raw = parse_format(RawPaper, record, location, REMEDY)
        doi = parse_doi(raw.paper_url)
        year, paper_id = int(name["year"]), doi or raw.paper_url
        yield location, Paper(**dict(raw), paper_id=paper_id, year=year, venue=name["venue"], doi=doi)
