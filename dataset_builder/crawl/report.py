"""The account of a crawl: every listed paper found at a source or missing for a reason, by year."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from dataset_builder.crawl.answer import ListedPaper
from dataset_builder.crawl.journal import Outcome
from dataset_builder.crawl.listing import Listing

if TYPE_CHECKING:
    from rich.table import Table


def crawl_report(
    venue: str,
    sources: list[str],
    listings: dict[int, Listing],
    not_listed: dict[int, str],
    outcomes: dict[tuple[str, str], Outcome],
) -> dict[str, Any]:
    """Return the report as a value that JSON can hold. It knows neither times nor requests, which differ by run.

    A missing paper is counted under the last source asked, with its reason; "missing" lists all of them. "asked"
    counts what each source gave for the papers that came to it, so that no failure stays unseen.
    """
    asked: dict[str, list[str]] = {source: [] for source in sources}
    years = {}
    missing = []
    for year, listing in listings.items():
        found_at, missing_for = [], []
        for paper in listing.papers:
            trail = outcomes_in_turn(paper, sources, outcomes)
            for source, outcome in trail.items():
                asked[source].append(outcome.reason or "found")
            last, outcome = list(trail.items())[-1]
            if outcome.abstract:
                found_at.append(last)
            else:
                missing_for.append(f"{last}: {outcome.reason}")
                reasons = {source: outcome.reason for source, outcome in trail.items()}
                missing.append({"paper_id": paper.paper_id, "title": paper.title, "year": year, "reasons": reasons})
        years[str(year)] = {
            "listed": len(listing.papers),
            "found": {source: found_at.count(source) for source in sources},
            "missing": _counts(missing_for),
            "left_out": _counts(entry["reason"] for entry in listing.left_out),
        }
    return {
        "venue": venue,
        "sources": sources,
        "listed": sum(year["listed"] for year in years.values()),
        "found": sum(sum(year["found"].values()) for year in years.values()),
        "years": years,
        "not_listed": {str(year): reason for year, reason in sorted(not_listed.items())},
        "asked": {source: _counts(reasons) for source, reasons in asked.items()},
        "missing": missing,
        "left_out": [{"year": year, **entry} for year, listing in listings.items() for entry in listing.left_out],
    }


def outcomes_in_turn(
    paper: ListedPaper, sources: list[str], outcomes: dict[tuple[str, str], Outcome]
) -> dict[str, Outcome]:
    """Return the outcomes of a paper by source, in order, up to the first source that had the abstract."""
    trail = {}
    for source in sources:
        trail[source] = outcomes[paper.paper_id, source]
        if trail[source].abstract:
            break
    return trail


def is_complete(report: dict[str, Any]) -> bool:
    """Tell whether every year is listed and every listed paper has its abstract."""
    return not report["missing"] and not report["not_listed"]


def crawl_table(report: dict[str, Any]) -> Table:
    """Return the table of papers listed, found by each source and missing, by year, for the terminal."""
    from rich.table import Table

    table = Table(title=f"Abstracts of {report['venue']}", title_justify="left")
    for heading in ("year", "listed", *report["sources"], "missing"):
        table.add_column(heading.replace("_", " "), justify="left" if heading == "year" else "right")
    table.add_column("missing because; left out as")
    for year, counts in report["years"].items():
        notes = [f"{number} {reason}" for reason, number in counts["missing"].items()]
        notes += [f"left out: {number} {reason}" for reason, number in counts["left_out"].items()]
        found = [str(counts["found"][source]) for source in report["sources"]]
        table.add_row(year, str(counts["listed"]), *found, str(sum(counts["missing"].values())), "\n".join(notes))
    for year, reason in report["not_listed"].items():
        table.add_row(year, "", *("" for _ in report["sources"]), "", f"not listed: {reason}")
    return table


def _counts(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))
