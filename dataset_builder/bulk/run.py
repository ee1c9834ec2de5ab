r"""Import papers from bulk metadata: a snapshot of OpenAlex, or arXiv's metadata file.

python -m dataset_builder import --format arxiv --files arxiv-metadata-oai-snapshot.json --subjects cs.AR \
    --out data/papers
"""

import argparse
import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TextIO

from rich.console import Console
from tqdm import tqdm

from dataset_builder.bulk.arxiv import ARXIV_PAGES, ArxivRecord
from dataset_builder.bulk.openalex import OpenAlexRecord
from dataset_builder.bulk.records import BulkRecord, find_files, iterate_records
from dataset_builder.command import parse_years
from dataset_builder.corpus.papers import VENUE_YEAR, Paper, parse_doi, read_papers
from dataset_builder.crawl.cleanup import clean_abstract, clean_title
from dataset_builder.crawl.listing import reason_left_out
from dataset_builder.errors import InputError
from dataset_builder.files import exclusive_lock, make_writable_folder, replacing
from dataset_builder.formats import to_json_line
from dataset_builder.tables import as_table

logger = logging.getLogger(__name__)

FORMATS: dict[str, Callable[[Path], Iterator[BulkRecord | None]]] = {
    "arxiv": partial(iterate_records, ArxivRecord),
    "openalex": partial(iterate_records, OpenAlexRecord),
}


@dataclass(frozen=True)
class Imported:
    """The papers that were written, by year, and the records that were left out, by reason."""

    papers: dict[int, int]
    left_out: dict[str, int]


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `import`."""
    add = command.add_argument
    add("--format", required=True, choices=sorted(FORMATS), help="who made the files")
    files = "metadata files, or folders of them: JSON Lines (also .gz) or Parquet"
    add("--files", type=Path, nargs="+", required=True, metavar="PATH", help=files)
    subjects = "only papers of these categories of arXiv (cs.AR) or subfields of OpenAlex (1708); default: all"
    add("--subjects", nargs="+", default=[], metavar="S", help=subjects)
    add("--years", type=parse_years, nargs="+", metavar="Y", help="years or spans: 2019 2021-2023; default: all")
    add("--out", type=Path, required=True, metavar="DIR", help="folder for the VENUE_YEAR.jsonl files")


def run_command(arguments: argparse.Namespace) -> None:
    """Import the papers, and print how many, and why records were left out."""
    years = {year for span in arguments.years for year in span} if arguments.years else None
    imported = import_papers(arguments.format, arguments.files, arguments.subjects, years, arguments.out)
    console = Console()
    console.print(as_table(["year", "papers"], [[str(year), str(count)] for year, count in imported.papers.items()]))
    reasons = [[reason, str(count)] for reason, count in imported.left_out.items()]
    console.print(as_table(["left out because", "records"], reasons))
    console.print(f"Papers: {sum(imported.papers.values())}    files: {arguments.out}", soft_wrap=True)


def import_papers(
    source: str, paths: list[Path], subjects: Collection[str], years: Collection[int] | None, out: Path
) -> Imported:
    """Write the papers in the files of `source` (a key of `FORMATS`) to `out`/SOURCE_YEAR.jsonl.

    Papers have an abstract, one of the `subjects` (if there are any) and one of the `years` (None: any). A paper that
    is twice in the files, or in a file of another venue in `out`, is written once. The memory holds the ids of the
    papers, not their texts.

    Raises `InputError` for files that cannot be read, and if no paper is left.
    """
    files = find_files(paths)
    make_writable_folder(out)
    papers: Counter[int] = Counter()
    left_out: Counter[str] = Counter()
    with exclusive_lock(out), ExitStack() as stack:
        ids = _ids_of_other_venues(out, source)
        writers: dict[int, TextIO] = {}
        for path in tqdm(files, desc=source, unit="file", disable=None):
            for record in FORMATS[source](path):
                paper = _paper(record, source, set(subjects), years) if record else "not of the documented shape"
                if isinstance(paper, Paper) and not ids.isdisjoint(_ids(paper)):
                    paper = "the paper is there already"
                if isinstance(paper, str):
                    left_out[paper] += 1
                    continue
                ids |= _ids(paper)
                if paper.year not in writers:
                    temporary = stack.enter_context(replacing(out / f"{source}_{paper.year}.jsonl"))
                    writers[paper.year] = stack.enter_context(temporary.open("w", encoding="utf-8"))
                writers[paper.year].write(to_json_line(paper))
                papers[paper.year] += 1
        reasons = dict(left_out.most_common())
        if not papers:
            counted = ", ".join(f"{count} {reason}" for reason, count in reasons.items()) or "no record"
            raise InputError(
                f"--files {paths[0]}: no paper is left ({counted}); check --format, --subjects and --years"
            )
    for path in sorted(out.glob(f"{source}_*.jsonl")):
        if VENUE_YEAR.fullmatch(path.stem) and int(path.stem[-4:]) not in papers:
            logger.warning("%s: is of an earlier import; remove it if its papers are no longer wanted", path)
    return Imported(dict(sorted(papers.items())), reasons)


def _paper(record: BulkRecord, source: str, subjects: set[str], years: Collection[int] | None) -> Paper | str:
    """Return the paper that a record describes, or the reason why it is left out."""
    if subjects and subjects.isdisjoint(record.subjects):
        return "of another subject"
    year = record.year
    if year is None or not 1000 <= year <= 9999:
        return "without a year"
    if years is not None and year not in years:
        return "of another year"
    title = clean_title(record.title or "")
    if reason := record.problem or reason_left_out(title):
        return reason
    abstract, reason = clean_abstract(record.abstract)
    if abstract is None:
        return f"abstract: {reason}"
    doi = parse_doi(record.doi or "")
    return Paper(
        paper_id=doi or record.url,
        title=title,
        year=year,
        venue=source,
        paper_url=record.url,
        doi=doi,
        abstract=abstract,
        abstract_source=source,
    )


def _ids_of_other_venues(out: Path, venue: str) -> set[str]:
    """Return the ids and the URLs of the papers of other venues in `out`."""
    if not any(VENUE_YEAR.fullmatch(path.stem) and path.suffix in (".jsonl", ".json") for path in out.iterdir()):
        return set()
    return set().union(*map(_ids, read_papers(out, left_out_venue=venue)))


def _ids(paper: Paper) -> set[str]:
    """Return the ids and the URL of a paper. A paper of arXiv also has a DOI of arXiv, by which OpenAlex lists it."""
    number = paper.paper_url.removeprefix(ARXIV_PAGES)
    return {
        paper.paper_id,
        paper.paper_url,
        *([f"10.48550/arxiv.{number.lower()}"] if number != paper.paper_url else []),
    }
