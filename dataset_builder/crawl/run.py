"""A crawl from start to end: the listing, the abstracts, the files, the report."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path
from typing import Any

from dataset_builder.crawl.client import Client, FetchError
from dataset_builder.crawl.journal import Journal
from dataset_builder.crawl.listing import Listing, deduplicate_ids, find_volumes, list_year
from dataset_builder.crawl.report import crawl_report, outcomes_in_turn
from dataset_builder.crawl.search import ask_sources
from dataset_builder.crawl.settings import Credentials, Settings
from dataset_builder.errors import InputError
from dataset_builder.figures import draw_papers_by_year
from dataset_builder.files import exclusive_lock, make_writable_folder, read_json, write_json, write_text

logger = logging.getLogger(__name__)

REPORT_FILE = "crawl_report.json"
# Listings, journal and cache of answers, from which a killed crawl goes on. Remove it to begin anew.
WORK_FOLDER = ".crawl"


def crawl(
    venue: str,
    years: list[int],
    out: Path,
    sources: list[str],
    settings: Settings,
    credentials: Credentials,
    retry_missing: bool = False,
) -> dict[str, Any]:
    """Write VENUE_YEAR.jsonl for each year, the figure of papers by year and, last, the report, which is returned.

    Goes on where an earlier crawl into `out` ended; `retry_missing` asks again for what that one did not find. A year
    that DBLP cannot list now gets no file and stands in the report.

    Raises `InputError` for a venue or years that DBLP does not know, for a folder that cannot be written to, and for
    one that another crawl is writing into.
    """
    started = time.monotonic()
    if not credentials.crossref_mailto:
        logger.warning("CROSSREF_MAILTO is not set: the hosts cannot tell whom to write to; set it to your address")
    if "openalex" in sources and not credentials.openalex_api_key:
        logger.warning("OPENALEX_API_KEY is not set: OpenAlex will answer a few requests only; a key is free")
    work = out / WORK_FOLDER
    make_writable_folder(work)
    with exclusive_lock(work):
        journal = Journal(work / "outcomes.jsonl")
        if retry_missing:
            journal.forget_missing()
        client = Client(settings, credentials, work / "answers.sqlite", refresh=retry_missing)
        try:
            listings, not_listed = _list_years(client, venue, years, work)
            papers = [paper for listing in listings.values() for paper in listing.papers]
            ask_sources(client, papers, sources, journal)
        finally:
            client.close()
        for year, listing in listings.items():
            write_text(out / f"{venue}_{year}.jsonl", _json_lines(listing, sources, journal))
        report = crawl_report(venue, sources, listings, not_listed, journal.outcomes)
        draw_papers_by_year(out, {str(year): len(listing.papers) for year, listing in listings.items()})
        write_json(out / REPORT_FILE, report)
        total = sum(client.hosts.requests.values())
        by_host = ", ".join(f"{host} {count}" for host, count in client.hosts.requests.items())
        logger.info("%d requests (%s) in %.1f s", total, by_host or "none", time.monotonic() - started)
        return report


def _list_years(client: Client, venue: str, years: list[int], work: Path) -> tuple[dict[int, Listing], dict[int, str]]:
    """Return the listings by year, from DBLP or as kept from an earlier crawl, and the years that have none."""
    kept = {year: work / f"{venue}_{year}.json" for year in years}
    unlisted = [year for year in years if not kept[year].is_file()]
    not_listed: dict[int, str] = {}
    volumes: dict[int, list[str]] = {}
    if unlisted:
        try:
            found = find_volumes(client, venue)
        except FetchError as error:
            not_listed = {year: f"the venue's page: {error}" for year in unlisted}
        else:
            if found is None:
                raise InputError(f"--venue {venue}: DBLP knows no such venue; use its key, such as isca or asplos")
            volumes = found
            if not volumes.keys() & set(years):
                raise InputError(
                    f"--years: DBLP lists {venue} in {', '.join(map(str, sorted(volumes))) or 'no year'}; "
                    "give at least one of these"
                )
    for year in unlisted:
        if year in volumes:
            logger.info("dblp: listing %s %d", venue, year)
            try:
                listing = list_year(client, venue, year, volumes[year])
            except FetchError as error:
                not_listed[year] = str(error)
            else:
                write_json(kept[year], listing.as_json())
        elif year not in not_listed:
            not_listed[year] = "DBLP has no table of contents"
    listings = {year: Listing.from_json(read_json(path)) for year, path in kept.items() if path.is_file()}
    return deduplicate_ids(listings), not_listed


def _json_lines(listing: Listing, sources: list[str], journal: Journal) -> str:
    lines = []
    for paper in listing.papers:
        source, outcome = list(outcomes_in_turn(paper, sources, journal.outcomes).items())[-1]
        record = {
            "paper_id": paper.paper_id,
            "title": paper.title,
            "year": paper.year,
            "venue": paper.venue,
            "paper_url": paper.paper_url,
            "doi": paper.doi,
            "abstract": outcome.abstract,
            "abstract_source": source if outcome.abstract else None,
        }
        lines.append(json.dumps(record, ensure_ascii=False) + "\n")
    return "".join(lines)
