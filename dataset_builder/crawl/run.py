"""Crawl a venue: list its papers, find their abstracts, and write papers, figure and report.

python -m dataset_builder crawl --venue isca --years 2005-2024 --out data/papers
"""

import argparse
import logging
import re
import signal
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from rich.console import Console
from tqdm import tqdm

from dataset_builder.command import LONGEST_LIMIT, number_between, parse_years
from dataset_builder.corpus.papers import Paper, write_papers
from dataset_builder.crawl.abstracts import find_abstracts
from dataset_builder.crawl.client import Client
from dataset_builder.crawl.listing import Listing, deduplicate_ids, find_volumes, list_year
from dataset_builder.crawl.outcomes import FetchError, Outcomes
from dataset_builder.crawl.report import REPORT_FILE, CrawlReport, build_report, crawl_table
from dataset_builder.crawl.settings import BASE_URLS, PAUSES, SOURCES, Credentials, Settings
from dataset_builder.errors import InputError
from dataset_builder.figures import draw_papers_by_year
from dataset_builder.files import exclusive_lock, make_writable_folder, write_text
from dataset_builder.formats import read_format, write_format
from dataset_builder.tables import as_table

logger = logging.getLogger(__name__)

# The listings, the outcomes and the cache of answers, from which a killed crawl continues.
WORK_FOLDER = ".crawl"
# Venue and years of a crawl with --retry-missing that is not finished.
RETRYING_FILE = "retrying"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `crawl`."""
    add = command.add_argument
    add("--venue", required=True, metavar="KEY", help="the venue's key at DBLP, such as isca or IEEEpact")
    files = "names of the venue's files at DBLP, if they differ from the key: --venue nips --volumes nips neurips"
    add("--volumes", nargs="+", metavar="NAME", help=files)
    add("--years", type=parse_years, nargs="+", required=True, metavar="Y", help="years or spans: 2019 2021-2023")
    add("--out", type=Path, required=True, metavar="DIR", help="folder for the VENUE_YEAR.jsonl files")
    order = f"where to search for abstracts, in this order; default: {' '.join(SOURCES)}"
    add("--sources", nargs="+", choices=SOURCES, default=SOURCES, metavar="SOURCE", help=order)
    add("--retry-missing", action="store_true", help="ask again for the abstracts that an earlier crawl did not find")
    add("--list-again", action="store_true", help="list the papers again, even of years that are already listed")
    mirror = f"use a mirror of a source; may be given several times. Sources: {' '.join(BASE_URLS)}"
    add("--base-url", type=_base_url, action="append", default=[], metavar="SOURCE=URL", help=mirror)
    pause = "pause between two requests to the same host; default: the pause that each host asks for"
    add("--pause", type=number_between(0.0, LONGEST_LIMIT), metavar="SECONDS", help=pause)
    limit = "time limit of one request; default: %(default)s"
    add("--timeout", type=number_between(0.1, LONGEST_LIMIT), default=Settings.timeout, metavar="SECONDS", help=limit)


def run_command(arguments: argparse.Namespace) -> None:
    """Run `crawl` and print its table; exits with 3 if something is missing."""
    if not re.fullmatch("[A-Za-z][A-Za-z0-9]*", arguments.venue):
        raise InputError(f"--venue {arguments.venue}: use a key of letters and digits, such as isca or IEEEpact")
    if len(set(arguments.sources)) < len(arguments.sources):
        raise InputError(f"--sources {' '.join(arguments.sources)}: name each source once")
    settings = Settings(
        base_urls=BASE_URLS | dict(arguments.base_url),
        pauses=PAUSES if arguments.pause is None else dict.fromkeys(PAUSES, arguments.pause),
        timeout=arguments.timeout,
    )
    # `kill` and shutdown send SIGTERM: end as on Ctrl-C, so that no browser stays behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    report = crawl(
        arguments.venue,
        sorted({year for span in arguments.years for year in span}),
        arguments.out,
        arguments.sources,
        settings,
        Credentials.from_environment(),
        arguments.retry_missing,
        arguments.list_again,
        arguments.volumes,
    )
    console = Console()
    console.print(as_table(*crawl_table(report), f"Abstracts of {report.venue}"))
    console.print(f"Papers: {report.listed} listed, {report.found} with an abstract")
    console.print(f"Files: {arguments.out}    report: {arguments.out / REPORT_FILE}", soft_wrap=True)
    if report.missing:
        console.print(
            f"Missing abstracts: {len(report.missing)}; --retry-missing asks again, --sources asks elsewhere"
        )
    if report.not_listed:
        console.print(f"Years not listed: {len(report.not_listed)}; the same command asks again")
    if report.missing or report.not_listed:
        raise SystemExit(3)


def crawl(
    venue: str,
    years: Sequence[int],
    out: Path,
    sources: Sequence[str],
    settings: Settings,
    credentials: Credentials,
    retry_missing: bool = False,
    list_again: bool = False,
    volume_names: Sequence[str] | None = None,
) -> CrawlReport:
    """Write VENUE_YEAR.jsonl for each year, the figure of papers by year and, last, the report, which is returned.

    Continues an earlier crawl into `out`; `retry_missing` asks again for the abstracts it did not find, and
    `list_again` lists all years again. A year that DBLP cannot list now gets no file; the report names it.

    Raises `InputError` for a venue or years that DBLP does not know, if DBLP can list no year, for a folder that
    cannot be written to, and for a folder that another crawl is writing into.
    """
    started = time.monotonic()
    if not credentials.crossref_mailto:
        logger.warning("CROSSREF_MAILTO is not set: the hosts do not know whom to contact; set it to your address")
    if "openalex" in sources and not credentials.openalex_api_key:
        logger.warning("OPENALEX_API_KEY is not set: OpenAlex will answer only a few requests; a key is free")
    work = out / WORK_FOLDER
    make_writable_folder(work)
    with exclusive_lock(work):
        outcomes, retrying, asked = Outcomes(work), work / RETRYING_FILE, f"{venue} {' '.join(map(str, years))}"
        with closing(Client(settings, credentials, work / "answers.sqlite", refresh=retry_missing)) as client:
            listing, not_listed = _list_years(client, venue, volume_names or [venue], years, work, list_again)
            if len(not_listed) == len(years):
                reason = not_listed[years[0]]
                raise InputError(f"--venue {venue}: DBLP listed no year ({reason}); run the same command again later")
            venue = venue.lower()
            # A retry that was stopped continues: the papers that it has asked for are not forgotten again.
            if retry_missing and not _holds(retrying, asked):
                outcomes.forget_missing(listing.papers)
                write_text(retrying, asked)
            find_abstracts(client, listing.papers, sources, outcomes, work / "browser")
        # What an earlier crawl with other sources found stays.
        earlier = [source for source in SOURCES if any(outcomes.has(paper, source) for paper in listing.papers)]
        sources = [*(source for source in earlier if source not in sources), *sources]
        papers: dict[int, list[Paper]] = {year: [] for year in years if year not in not_listed}
        for paper in listing.papers:
            last = outcomes.until_found(paper, sources)[-1]
            found = {"abstract": last.abstract, "abstract_source": last.source if last.abstract else None}
            papers[paper.year].append(paper.model_copy(update=found))
        for year, papers_of_year in papers.items():
            write_papers(out / f"{venue}_{year}.jsonl", papers_of_year)
        report = build_report(venue, sources, list(papers), listing, not_listed, outcomes)
        draw_papers_by_year(out, {year: counts.listed for year, counts in report.years.items()})
        write_format(out / REPORT_FILE, report)
        if _holds(retrying, asked):
            retrying.unlink()
        requests = client.hosts.requests
        by_host = ", ".join(f"{host} {count}" for host, count in requests.items())
        logger.info("%d requests (%s) in %.1f s", requests.total(), by_host or "none", time.monotonic() - started)
        return report


def _holds(file: Path, text: str) -> bool:
    return file.is_file() and file.read_text(encoding="utf-8") == text


def _list_years(
    client: Client, venue: str, volume_names: Sequence[str], years: Sequence[int], work: Path, list_again: bool
) -> tuple[Listing, dict[int, str]]:
    """Return the listing of all years, from DBLP or an earlier crawl, and the reasons of the years without one."""
    files = {year: work / f"{venue.lower()}_{year}.json" for year in years}
    unlisted = [year for year in years if list_again or not files[year].is_file()]
    not_listed = dict.fromkeys(unlisted, "DBLP has no table of contents")
    volumes: dict[int, list[str]] = {}
    if unlisted:
        try:
            volumes = find_volumes(client, venue, volume_names)
        except FetchError as error:
            not_listed = dict.fromkeys(unlisted, f"the venue's page: {error}")
        else:
            if not volumes.keys() & set(years):
                known = ", ".join(map(str, sorted(volumes)))
                raise InputError(f"--years: DBLP lists {venue} in {known}; give one of these, or --volumes")
    for year in tqdm(unlisted, desc="dblp", unit="year", disable=None):
        if year in volumes:
            try:
                write_format(files[year], list_year(client, venue, year, volumes[year]))
                del not_listed[year]
            except FetchError as error:
                not_listed[year] = str(error)
    remedy = "remove the file to list the year again"
    listings = [read_format(Listing, files[year], remedy) for year in years if year not in not_listed]
    papers = deduplicate_ids(paper for listing in listings for paper in listing.papers)
    return Listing(papers=papers, left_out=[entry for listing in listings for entry in listing.left_out]), not_listed


def _base_url(text: str) -> tuple[str, str]:
    source, _, url = text.partition("=")
    if source not in BASE_URLS or not re.match(r"https?://[^/]", url):
        raise argparse.ArgumentTypeError(
            f"{text!r}: give SOURCE=URL with a source ({', '.join(BASE_URLS)}) and a URL of http or https"
        )
    return source, url
