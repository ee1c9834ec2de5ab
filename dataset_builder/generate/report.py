"""The account of a teacher's pairs: the manifest, from which every pair can be traced, and the summary."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from dataset_builder.corpus.papers import Paper
from dataset_builder.generate.checks import Candidate, Rejected
from dataset_builder.generate.journal import Finished

if TYPE_CHECKING:
    from rich.table import Table


def manifest(
    settings: dict[str, Any],
    checks: dict[str, Any],
    results: list[tuple[Paper, Finished]],
    accepted: list[Candidate],
    rejected: list[Rejected],
    unanswered: int,
) -> dict[str, Any]:
    """Return the manifest as a value that JSON can hold: what made the pairs, how, and how many passed.

    It knows neither times nor processes, which differ by run. "rejected_pairs" counts by reason the pairs that were
    read from a response and fell; "rejected_papers" counts those of which no response could be read.
    """
    attempts = [attempt for _, result in results for attempt in result.attempts]
    of_pairs = [rejection for rejection in rejected if rejection.candidate]
    of_papers = [rejection for rejection in rejected if not rejection.candidate]
    years = sorted({paper.year for paper, _ in results})
    return {
        **settings,
        "made_by": sorted({result.made_by for _, result in results}),
        "checks": checks,
        "papers": len(results),
        "papers_unanswered": unanswered,
        "papers_with_pairs": len({candidate.paper.paper_id for candidate in accepted}),
        "responses": len(attempts),
        "responses_cut_off": sum(attempt.finish_reason == "length" for attempt in attempts),
        "tokens": sum(attempt.tokens for attempt in attempts),
        "pairs": len(accepted) + len(of_pairs),
        "accepted": len(accepted),
        "rejected_pairs": _counts(of_pairs),
        "rejected_papers": _counts(of_papers),
        "by_year": {
            str(year): {
                "papers": sum(paper.year == year for paper, _ in results),
                "accepted": sum(candidate.paper.year == year for candidate in accepted),
                "rejected": sum(rejection.paper.year == year for rejection in of_pairs),
            }
            for year in years
        },
    }


def generation_table(report: dict[str, Any]) -> Table:
    """Return the table of papers and pairs by year, and of what was rejected by reason, for the terminal."""
    from rich.table import Table

    table = Table(title=f"Pairs by {report['teacher']['name']}", title_justify="left")
    for heading in ("year", "papers", "accepted", "rejected"):
        table.add_column(heading, justify="left" if heading == "year" else "right")
    for year, counts in report["by_year"].items():
        table.add_row(year, *(str(counts[key]) for key in ("papers", "accepted", "rejected")))
    table.add_section()
    table.add_row("all", str(report["papers"]), str(report["accepted"]), str(sum(report["rejected_pairs"].values())))
    table.add_section()
    for what, key in (("pairs", "rejected_pairs"), ("papers", "rejected_papers")):
        for reason, count in report[key].items():
            table.add_row(f"{what}: {reason}", "", "", str(count))
    return table


def _counts(rejected: list[Rejected]) -> dict[str, int]:
    return dict(Counter(rejection.reason for rejection in rejected).most_common())
