"""Crawl a venue: list its papers, find their abstracts, and write papers and report.

python -m dataset_builder crawl --venue isca --years 2005-2024 --out data/papers
"""

import argparse
import logging
import re
import signal
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from rich.console import Console
from tqdm import tqdm

from dataset_builder.command import parse_years
from dataset_builder.corpus.papers import Paper, write_papers
from dataset_builder.crawl.abstracts import find_abstracts
from dataset_builder.crawl.client import Client
from dataset_builder.crawl.listing import Listing, deduplicate_ids, find_volumes, list_year
from dataset_builder.crawl.outcomes import FetchError, Outcomes
from dataset_builder.crawl.report import REPORT_FILE, CrawlReport, build_report, crawl_table
from dataset_builder.crawl.settings import SOURCES, Settings
from dataset_builder.errors import InputError
from dataset_builder.files import exclusive_lock, make_writable_folder
from dataset_builder.formats import read_format, write_format
from dataset_builder.tables import as_table

logger = logging.getLogger(__name__)

# The listings, the outcomes and the cache of answers, from which a killed crawl continues.
WORK_FOLDER = ".crawl"
# This file is there while a crawl with --retry-missing is not finished.
RETRYING_FILE = "retrying"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `crawl`."""
    add = command.add_argument
    add("--venue", required=True, metavar="KEY", help="the venue's key at DBLP, such as isca or IEEEpact")
    add("--years", type=parse_years, nargs="+", required=True, metavar="Y", help="years or spans: 2019 2021-2023")
    add("--out", type=Path, required=True, metavar="DIR", help="folder for the VENUE_YEAR.jsonl files")
    order = f"where to search for abstracts, in this order; default: {' '.join(SOURCES)}"
    add("--sources", nargs="+", choices=SOURCES, default=SOURCES, metavar="SOURCE", help=order)
    add("--retry-missing", action="store_true", help="ask again for the abstracts that an earlier crawl did not find")


def run_command(arguments: argparse.Namespace) -> None:
    """Run `crawl` and print its table; exits with 3 if something is missing."""
    if not re.fullmatch("[A-Za-z][A-Za-z0-9]*", arguments.venue):
        raise InputError(f"--venue {arguments.venue}: use a key of letters and digits, such as isca or IEEEpact")
    if len(set(arguments.sources)) < len(arguments.sources):
        raise InputError(f"--sources {' '.join(arguments.sources)}: name each source once")
    # `kill` and shutdown send SIGTERM: end as on Ctrl-C, so that no browser stays behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    report = crawl(
        arguments.venue,
        sorted({year for span in arguments.years for year in span}),
        arguments.out,
        arguments.sources,
        Settings(),
        arguments.retry_missing,
    )
    console = Console()
    console.print(as_table(*crawl_table(report), f"Abstracts of {report.venue}"))
    console.print(f"Papers: {report.listed} listed, {report.found} with an abstract")
    console.print(f"Files: {arguments.out}    report: {arguments.out / REPORT_FILE}", soft_wrap=True)
    if report.missing:
        console.print(
            f"Missing abstracts: {len(report.missing)}; --retry-missing asks again, --sources asks elsewhere"
        )
        raise SystemExit(3)


def crawl(
    venue: str,
    years: Sequence[int],
    out: Path,
    sources: Sequence[str],
    settings: Settings,
    retry_missing: bool = False,
) -> CrawlReport:
    """Write VENUE_YEAR.jsonl for each year that DBLP lists and, last, the report, which is returned.

    Continues an earlier crawl into `out`; `retry_missing` asks again for the abstracts it did not find.

    Raises `InputError` for a venue or years that DBLP does not know, if DBLP does not answer, for a folder that cannot
    be written to, and for a folder that another crawl is writing into.
    """
    if not settings.crossref_mailto:
        logger.warning("CROSSREF_MAILTO is not set: the hosts do not know whom to contact; set it to your address")
    if "openalex" in sources and not settings.openalex_api_key:
        logger.warning("OPENALEX_API_KEY is not set: OpenAlex will answer only a few requests; a key is free")
    work = out / WORK_FOLDER
    make_writable_folder(work)
    with exclusive_lock(work):
        outcomes, retrying = Outcomes(work), work / RETRYING_FILE
        with closing(Client(settings, work / "answers.sqlite", refresh=retry_missing)) as client:
            try:
                listings = _list_years(client, venue, years, work)
            except FetchError as error:
                raise InputError(f"DBLP gives no list of {venue} now ({error}); run the same command again") from error
            papers = deduplicate_ids(paper for listing in listings.values() for paper in listing.papers)
            venue = venue.lower()
            # A retry that was stopped continues: the papers that it has asked for are not forgotten again.
            if retry_missing and not retrying.exists():
                outcomes.forget_missing(papers)
                retrying.touch()
            find_abstracts(client, papers, sources, outcomes)
        # What an earlier crawl with other sources found stays.
        earlier = [source for source in SOURCES if any(outcomes.has(paper, source) for paper in papers)]
        sources = [*(source for source in earlier if source not in sources), *sources]
        papers_by_year: dict[int, list[Paper]] = {year: [] for year in listings}
        for paper in papers:
            last = outcomes.until_found(paper, sources)[-1]
            found = {"abstract": last.abstract, "abstract_source": last.source if last.abstract else None}
            papers_by_year[paper.year].append(paper.model_copy(update=found))
        for year, papers_of_year in papers_by_year.items():
            write_papers(out / f"{venue}_{year}.jsonl", papers_of_year)
        left_out = [entry for listing in listings.values() for entry in listing.left_out]
        report = build_report(venue, sources, papers_by_year, left_out, outcomes)
        write_format(out / REPORT_FILE, report)
        retrying.unlink(missing_ok=True)
        return report


def _list_years(client: Client, venue: str, years: Sequence[int], work: Path) -> dict[int, Listing]:
    """Return the listing of each year that DBLP has, from DBLP or an earlier crawl; raises `FetchError`."""
    files = {year: work / f"{venue.lower()}_{year}.json" for year in years}
    unlisted = [year for year in years if not files[year].is_file()]
    volumes = find_volumes(client, venue) if unlisted else {}
    if unlisted == years and not volumes.keys() & set(years):
        known = ", ".join(map(str, sorted(volumes)))
        raise InputError(f"--years: DBLP lists {venue} in {known}; give one of these")
    for year in tqdm(unlisted, desc="dblp", unit="year", disable=None):
        if year in volumes:
            write_format(files[year], list_year(client, venue, year, volumes[year]))
        else:
            logger.warning("DBLP has no table of contents of %s %d; the year is left out", venue, year)
    remedy = "remove the file to list the year again"
    return {year: read_format(Listing, file, remedy) for year, file in files.items() if file.is_file()}
