"""Report a crawl: each listed paper is found at a source or missing for a reason, by year."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from dataset_builder.corpus.papers import Paper
from dataset_builder.crawl.listing import LeftOut
from dataset_builder.crawl.outcomes import Outcomes
from dataset_builder.formats import FileFormat
from dataset_builder.tables import Table

REPORT_FILE = "crawl_report.json"


class CrawledYear(FileFormat):
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

    `outcomes` counts, for each source, the papers it was asked for, by reason or "found".
    """

    venue: str
    sources: list[str]
    listed: int
    found: int
    years: dict[str, CrawledYear]
    outcomes: dict[str, dict[str, int]]
    missing: list[MissingPaper]
    left_out: list[LeftOut]


def build_report(
    venue: str,
    sources: list[str],
    papers_by_year: Mapping[int, Sequence[Paper]],
    left_out: list[LeftOut],
    outcomes: Outcomes,
) -> CrawlReport:
    """Return the report of a crawl: of the papers that were listed, the entries left out, and the outcomes."""
    asked = [(paper, outcomes.until_found(paper, sources)) for papers in papers_by_year.values() for paper in papers]

    def year_counts(year: int) -> CrawledYear:
        last = [tried[-1] for paper, tried in asked if paper.year == year]
        found_at = Counter(outcome.source for outcome in last if outcome.abstract)
        return CrawledYear(
            listed=len(last),
            found={source: found_at[source] for source in sources},
            missing=_count(f"{outcome.source}: {outcome.reason}" for outcome in last if not outcome.abstract),
            left_out=_count(entry.reason for entry in left_out if entry.year == year),
        )

    return CrawlReport(
        venue=venue,
        sources=sources,
        listed=len(asked),
        found=sum(tried[-1].abstract is not None for _, tried in asked),
        years={str(year): year_counts(year) for year in papers_by_year},
        outcomes={
            source: _count(
                outcome.reason or "found" for _, tried in asked for outcome in tried if outcome.source == source
            )
            for source in sources
        },
        missing=[
            MissingPaper(
                paper_id=paper.paper_id,
                title=paper.title,
                year=paper.year,
                reasons={outcome.source: outcome.reason for outcome in tried},
            )
            for paper, tried in asked
            if not tried[-1].abstract
        ],
        left_out=left_out,
    )


def crawl_table(report: CrawlReport) -> Table:
    """Return the table for the terminal: papers listed, found at each source and missing, by year."""
    rows = []
    for year, counts in report.years.items():
        notes = [f"missing: {number} {reason}" for reason, number in counts.missing.items()]
        notes += [f"left out: {number} {reason}" for reason, number in counts.left_out.items()]
        numbers = [counts.listed, *counts.found.values(), sum(counts.missing.values())]
        rows.append([year, *map(str, numbers), "\n".join(notes)])
    sources = [source.replace("_", " ") for source in report.sources]
    return ["year", "listed", *sources, "missing", "reasons"], rows


def _count(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))
