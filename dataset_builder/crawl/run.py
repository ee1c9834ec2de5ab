"""Run a crawl: list the papers, find their abstracts, and write papers, figure and report."""

from __future__ import annotations

import argparse
import logging
import re
import time
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from dataset_builder.corpus.papers import Paper, write_papers
from dataset_builder.crawl.abstracts import find_abstracts
from dataset_builder.crawl.answer import FetchError
from dataset_builder.crawl.client import Client
from dataset_builder.crawl.listing import Listing, deduplicate_ids, find_volumes, list_year
from dataset_builder.crawl.outcomes import Outcomes
from dataset_builder.crawl.report import REPORT_FILE, CrawlReport, build_report, crawl_table
from dataset_builder.crawl.settings import BASE_URLS, PAUSES, SOURCES, Credentials, Settings
from dataset_builder.errors import InputError
from dataset_builder.figures import draw_papers_by_year
from dataset_builder.files import exclusive_lock, make_writable_folder
from dataset_builder.formats import read_format, write_format
from dataset_builder.output import add_verbose_option, configure_output
from dataset_builder.years import parse_years

logger = logging.getLogger(__name__)

# The listings, the outcomes and the cache of answers, from which a killed crawl continues.
WORK_FOLDER = ".crawl"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `crawl`."""
    command.add_argument("--venue", required=True, metavar="KEY", help="the venue's key at DBLP, such as isca")
    command.add_argument(
        "--years", type=parse_years, nargs="+", required=True, metavar="Y", help="years or spans: 2019 2021-2023"
    )
    command.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder for the VENUE_YEAR.jsonl files"
    )
    command.add_argument(
        "--sources",
        nargs="+",
        choices=SOURCES,
        default=SOURCES,
        metavar="SOURCE",
        help=f"sources of abstracts, asked in this order; default: {' '.join(SOURCES)}",
    )
    command.add_argument(
        "--retry-missing", action="store_true", help="ask again for the abstracts that an earlier crawl did not find"
    )
    command.add_argument(
        "--base-url",
        type=_base_url,
        action="append",
        default=[],
        metavar="SOURCE=URL",
        help=f"ask a mirror of a source; may be repeated. Sources: {' '.join(BASE_URLS)}",
    )
    command.add_argument(
        "--pause",
        type=float,
        metavar="SECONDS",
        help="pause between two requests to the same host; default: the pause that each host asks for",
    )
    command.add_argument(
        "--timeout",
        type=float,
        default=Settings.timeout,
        metavar="SECONDS",
        help="time limit for an answer: %(default)s",
    )
    add_verbose_option(command)


def run_command(arguments: argparse.Namespace) -> None:
    """Run `crawl` and print its table; exits with 3 if an abstract or the list of a year is missing."""
    configure_output(arguments.verbose)
    from rich.console import Console

    if not re.fullmatch("[a-z][a-z0-9]*", arguments.venue):
        raise InputError(f"--venue {arguments.venue}: a key has lower-case letters and digits, such as isca")
    if len(set(arguments.sources)) < len(arguments.sources):
        raise InputError(f"--sources {' '.join(arguments.sources)}: name each source once")
    settings = Settings(
        base_urls=BASE_URLS | dict(arguments.base_url),
        pauses=PAUSES if arguments.pause is None else dict.fromkeys(PAUSES, arguments.pause),
        timeout=arguments.timeout,
    )
    report = crawl(
        arguments.venue,
        sorted({year for span in arguments.years for year in span}),
        arguments.out,
        arguments.sources,
        settings,
        Credentials.from_environment(),
        arguments.retry_missing,
    )
    console = Console()
    console.print(crawl_table(report))
    console.print(f"Papers: {report.listed} listed, {report.found} with an abstract")
    console.print(f"Files: {arguments.out}    report: {arguments.out / REPORT_FILE}", soft_wrap=True)
    if not report.is_complete:
        raise SystemExit(3)


def crawl(
    venue: str,
    years: Sequence[int],
    out: Path,
    sources: Sequence[str],
    settings: Settings,
    credentials: Credentials,
    retry_missing: bool = False,
) -> CrawlReport:
    """Write VENUE_YEAR.jsonl for each year, the figure of papers by year and, last, the report, which is returned.

    Continues an earlier crawl into `out`; `retry_missing` asks again for the abstracts it did not find. A year that
    DBLP cannot list now gets no file; the report names it.

    Raises `InputError` for a venue or years that DBLP does not know, for a folder that cannot be written to, and for
    a folder that another crawl is writing into.
    """
    started = time.monotonic()
    if not credentials.crossref_mailto:
        logger.warning("CROSSREF_MAILTO is not set: the hosts do not know whom to contact; set it to your address")
    if "openalex" in sources and not credentials.openalex_api_key:
        logger.warning("OPENALEX_API_KEY is not set: OpenAlex will answer only a few requests; a key is free")
    work = out / WORK_FOLDER
    make_writable_folder(work)
    with exclusive_lock(work):
        outcomes = Outcomes(work)
        if retry_missing:
            outcomes.forget_missing()
        client = Client(settings, credentials, work / "answers.sqlite", refresh=retry_missing)
        try:
            listings, not_listed = _list_years(client, venue, years, work)
            papers = [paper for listing in listings.values() for paper in listing.papers]
            find_abstracts(client, papers, sources, outcomes)
        finally:
            client.close()
        for year, listing in listings.items():
            found = [_with_abstract(paper, sources, outcomes) for paper in listing.papers]
            write_papers(out / f"{venue}_{year}.jsonl", found)
        report = build_report(venue, list(sources), listings, not_listed, outcomes)
        draw_papers_by_year(out, {str(year): len(listing.papers) for year, listing in listings.items()})
        write_format(out / REPORT_FILE, report)
        requests = client.hosts.requests
        by_host = ", ".join(f"{host} {count}" for host, count in requests.items())
        logger.info("%d requests (%s) in %.1f s", requests.total(), by_host or "none", time.monotonic() - started)
        return report


def _list_years(
    client: Client, venue: str, years: Sequence[int], work: Path
) -> tuple[dict[int, Listing], dict[int, str]]:
    """Return the listings by year, from DBLP or an earlier crawl, and the reasons of the years without one."""
    files = {year: work / f"{venue}_{year}.json" for year in years}
    unlisted = [year for year in years if not files[year].is_file()]
    not_listed: dict[int, str] = {}
    volumes: dict[int, list[str]] = {}
    if unlisted:
        try:
            found = find_volumes(client, venue)
        except FetchError as error:
            not_listed = {year: f"the venue's page: {error}" for year in unlisted}
        else:
            if found is None:
                raise InputError(
                    f"--venue {venue}: DBLP does not know this venue; use its key, such as isca or asplos"
                )
            volumes = found
            if not volumes.keys() & set(years):
                raise InputError(
                    f"--years: DBLP lists {venue} in {', '.join(map(str, sorted(volumes))) or 'no year'}; "
                    "give at least one of these"
                )
    for year in tqdm(unlisted, desc="dblp", unit="year", disable=None):
        if year in volumes:
            try:
                write_format(files[year], list_year(client, venue, year, volumes[year]))
            except FetchError as error:
                not_listed[year] = str(error)
        elif year not in not_listed:
            not_listed[year] = "DBLP has no table of contents"
    remedy = "remove the file to list the year again"
    listings = {year: read_format(Listing, path, remedy) for year, path in files.items() if path.is_file()}
    return deduplicate_ids(listings), not_listed


def _with_abstract(paper: Paper, sources: Sequence[str], outcomes: Outcomes) -> Paper:
    last = outcomes.until_found(paper, sources)[-1]
    return paper.model_copy(
        update={"abstract": last.abstract, "abstract_source": last.source if last.abstract else None}
    )


def _base_url(text: str) -> tuple[str, str]:
    source, _, url = text.partition("=")
    if source not in BASE_URLS or not re.match(r"https?://[^/]", url):
        raise argparse.ArgumentTypeError(
            f"{text!r}: give SOURCE=URL with a source ({', '.join(BASE_URLS)}) and a URL of http or https"
        )
    return source, url
