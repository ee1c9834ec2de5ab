"""Report a crawl: each listed paper is found at a source or missing for a reason, by year."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from dataset_builder.crawl.listing import LeftOut, Listing
from dataset_builder.crawl.outcomes import Outcomes
from dataset_builder.formats import FileFormat

if TYPE_CHECKING:
    from rich.table import Table

REPORT_FILE = "crawl_report.json"


class YearCounts(FileFormat):
    """The papers of a year: `found` by source, `missing` by last source and its reason, `left_out` by reason."""

    listed: int
    found: dict[str, int]
    missing: dict[str, int]
    left_out: dict[str, int]


class MissingPaper(FileFormat):
    """A paper without an abstract, with the reason of each source."""

    paper_id: str
    title: str
    year: int
    reasons: dict[str, str | None]


class CrawlReport(FileFormat):
    """The content of crawl_report.json, without times and numbers of requests, which differ from run to run.

    `years` and `not_listed` (with the reason) have years as keys. `outcomes` counts, for each source, the papers it
    was asked for, by reason or "found".
    """

    venue: str
    sources: list[str]
    listed: int
    found: int
    years: dict[str, YearCounts]
    not_listed: dict[str, str]
    outcomes: dict[str, dict[str, int]]
    missing: list[MissingPaper]
    left_out: list[LeftOut]

    @property
    def is_complete(self) -> bool:
        """Whether every year is listed and every listed paper has its abstract."""
        return not self.missing and not self.not_listed


def build_report(
    venue: str, sources: list[str], listings: dict[int, Listing], not_listed: dict[int, str], outcomes: Outcomes
) -> CrawlReport:
    """Return the report of a crawl, from its listings, the reasons of years without one, and its outcomes."""
    results: dict[str, list[str]] = {source: [] for source in sources}
    years = {}
    missing = []
    for year, listing in listings.items():
        found_at, missing_for = [], []
        for paper in listing.papers:
            asked = outcomes.until_found(paper, sources)
            for outcome in asked:
                results[outcome.source].append(outcome.reason or "found")
            if asked[-1].abstract:
                found_at.append(asked[-1].source)
            else:
                missing_for.append(f"{asked[-1].source}: {asked[-1].reason}")
                reasons = {outcome.source: outcome.reason for outcome in asked}
                missing.append(MissingPaper(paper_id=paper.paper_id, title=paper.title, year=year, reasons=reasons))
        years[str(year)] = YearCounts(
            listed=len(listing.papers),
            found={source: found_at.count(source) for source in sources},
            missing=_count(missing_for),
            left_out=_count(entry.reason for entry in listing.left_out),
        )
    return CrawlReport(
        venue=venue,
        sources=sources,
        listed=sum(year.listed for year in years.values()),
        found=sum(sum(year.found.values()) for year in years.values()),
        years=years,
        not_listed={str(year): reason for year, reason in sorted(not_listed.items())},
        outcomes={source: _count(reasons) for source, reasons in results.items()},
        missing=missing,
        left_out=[entry for listing in listings.values() for entry in listing.left_out],
    )


def crawl_table(report: CrawlReport) -> Table:
    """Return the table for the terminal: papers listed, found at each source and missing, by year."""
    from rich.table import Table

    table = Table(title=f"Abstracts of {report.venue}", title_justify="left")
    for heading in ("year", "listed", *report.sources, "missing"):
        table.add_column(heading.replace("_", " "), justify="left" if heading == "year" else "right")
    table.add_column("reasons")
    for year, counts in report.years.items():
        notes = [f"missing: {number} {reason}" for reason, number in counts.missing.items()]
        notes += [f"left out: {number} {reason}" for reason, number in counts.left_out.items()]
        found = [str(counts.found[source]) for source in report.sources]
        table.add_row(year, str(counts.listed), *found, str(sum(counts.missing.values())), "\n".join(notes))
    for year, reason in report.not_listed.items():
        table.add_row(year, "", *("" for _ in report.sources), "", f"not listed: {reason}")
    return table


def _count(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))
