"""Read and write papers: one VENUE_YEAR.jsonl file for each venue and year, in the order of DBLP."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import ConfigDict, Field

from dataset_builder.errors import InputError
from dataset_builder.files import read_json, write_text
from dataset_builder.formats import FileFormat, Text, parse_format, read_records, to_json_line

VENUE = "[a-z][a-z0-9]*"
VENUE_YEAR = re.compile(rf"(?P<venue>{VENUE})_(?P<year>\d{{4}})")
DOI_URL = re.compile(r"https?://(?:dx\.)?doi\.org/(?P<doi>10\..+)", re.IGNORECASE)
REMEDY = "correct the paper (an abstract that was not found is null)"


class Paper(FileFormat):
    """One paper: a line of VENUE_YEAR.jsonl.

    `paper_id` is the DOI in lower case, or the URL of a paper without a DOI. `abstract` is None if no source has it;
    `abstract_source` names the source that has it. `venue` is part of file names. Other keys are ignored.
    """

    model_config = ConfigDict(extra="ignore")

    paper_id: Text
    title: Text
    year: int
    venue: Text = Field(pattern=f"^{VENUE}$")
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

    Raises `InputError` if the folder is missing or holds no such file.
    """
    pattern = " or ".join(f"VENUE_YEAR{suffix}" for suffix in suffixes)
    if not folder.is_dir():
        raise InputError(f"{folder}: folder not found; give the folder that holds the {pattern} files")
    files = [path for path in folder.iterdir() if path.suffix in suffixes and VENUE_YEAR.fullmatch(path.stem)]
    if not files:
        raise InputError(f"{folder}: holds no file named {pattern} (for example isca_2024{suffixes[0]})")
    return sorted(files, key=lambda path: (path.stem.rsplit("_", 1)[1], path.name))


def read_papers(folder: Path) -> list[Paper]:
    """Read every VENUE_YEAR.jsonl and VENUE_YEAR.json of `folder`, by year and then in file order.

    Venue and year of a raw paper come from the file's name. If two papers share a paper_id (DBLP gives some DOIs
    twice), the second one gets its URL as its paper_id.

    Raises `InputError` for a record that does not fit the format, and for a paper that is there twice.
    """
    papers: dict[str, Paper] = {}
    for path in venue_year_files(folder, (".jsonl", ".json")):
        for location, paper in read_records(Paper, path, REMEDY) if path.suffix == ".jsonl" else _read_raw(path):
            if paper == papers.get(paper.paper_id) or paper.paper_url in papers:
                raise InputError(f"{location}: the paper {paper.paper_id!r} is a duplicate; remove one of the two")
            if paper.paper_id in papers:
                paper = paper.model_copy(update={"paper_id": paper.paper_url})
            papers[paper.paper_id] = paper
    return list(papers.values())


def write_papers(path: Path, papers: Iterable[Paper]) -> None:
    """Write `papers` to a VENUE_YEAR.jsonl file, completely or not at all."""
    write_text(path, "".join(map(to_json_line, papers)))


def _read_raw(path: Path) -> Iterator[tuple[str, Paper]]:
    records = read_json(path)
    name = VENUE_YEAR.fullmatch(path.stem)
    if not isinstance(records, list) or name is None:
        raise InputError(f"{path}: must be a JSON list of objects with title, paper_url and abstract")
    for number, record in enumerate(records, start=1):
        location = f"{path}: entry {number}"
        raw = parse_format(RawPaper, record, location, REMEDY)
        match = DOI_URL.fullmatch(raw.paper_url)
        doi = match["doi"].lower() if match else None
        year, paper_id = int(name["year"]), doi or raw.paper_url
        yield location, Paper(**dict(raw), paper_id=paper_id, year=year, venue=name["venue"], doi=doi)
