"""Summarize a teacher's pairs: the manifest, which makes every pair traceable, and the table for the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from dataset_builder.corpus.manifest import Checks, GenerationSettings, Manifest, YearCounts
from dataset_builder.corpus.papers import Paper
from dataset_builder.generate.checks import CheckedPairs, Rejected
from dataset_builder.generate.responses import PaperResult

if TYPE_CHECKING:
    from rich.table import Table


def build_manifest(
    settings: GenerationSettings,
    checks: Checks,
    results: Sequence[tuple[Paper, PaperResult]],
    pairs: CheckedPairs,
    papers_unanswered: int,
) -> Manifest:
    """Return the manifest of the pairs of `results`."""
    responses = [response for _, result in results for response in result.responses]
    rejected_pairs = [rejected for rejected in pairs.rejected if rejected.candidate]
    rejected_papers = [rejected for rejected in pairs.rejected if not rejected.candidate]
    return Manifest(
        **dict(settings),
        made_by=sorted({result.made_by for _, result in results}),
        checks=checks,
        papers=len(results),
        papers_unanswered=papers_unanswered,
        papers_with_pairs=len({candidate.paper.paper_id for candidate in pairs.accepted}),
        responses=len(responses),
        responses_cut_off=sum(response.finish_reason == "length" for response in responses),
        tokens=sum(response.tokens for response in responses),
        pairs=len(pairs.accepted) + len(rejected_pairs),
        accepted=len(pairs.accepted),
        rejected_pairs=_count_reasons(rejected_pairs),
        rejected_papers=_count_reasons(rejected_papers),
        by_year={
            str(year): YearCounts(
                papers=sum(paper.year == year for paper, _ in results),
                accepted=sum(candidate.paper.year == year for candidate in pairs.accepted),
                rejected=sum(rejected.paper.year == year for rejected in rejected_pairs),
            )
            for year in sorted({paper.year for paper, _ in results})
        },
    )


def generation_table(manifest: Manifest) -> Table:
    """Return the table of papers and pairs by year, and of rejections by reason, for the terminal."""
    from rich.table import Table

    table = Table(title=f"Pairs by {manifest.teacher.name}", title_justify="left")
    for heading in ("year", "papers", "accepted", "rejected"):
        table.add_column(heading, justify="left" if heading == "year" else "right")
    for year, counts in manifest.by_year.items():
        table.add_row(year, str(counts.papers), str(counts.accepted), str(counts.rejected))
    table.add_section()
    table.add_row("all", str(manifest.papers), str(manifest.accepted), str(manifest.pairs - manifest.accepted))
    table.add_section()
    for unit, reasons in (("pairs", manifest.rejected_pairs), ("papers", manifest.rejected_papers)):
        for reason, count in reasons.items():
            table.add_row(f"{unit}: {reason}", "", "", str(count))
    return table


def _count_reasons(rejected: Iterable[Rejected]) -> dict[str, int]:
    return dict(Counter(item.problem.reason for item in rejected).most_common())
