"""Summarize a teacher's pairs: the manifest, which makes every pair traceable, and the table for the terminal."""

from collections import Counter
from collections.abc import Sequence

from rich.table import Table

from dataset_builder.corpus.manifest import Checks, GenerationSettings, Manifest, YearCounts
from dataset_builder.corpus.papers import Paper
from dataset_builder.generate.checks import CheckedPair
from dataset_builder.generate.responses import PaperResult


def build_manifest(
    settings: GenerationSettings,
    checks: Checks,
    results: Sequence[tuple[Paper, PaperResult]],
    checked: Sequence[CheckedPair],
    papers_unanswered: int,
) -> Manifest:
    """Return the manifest of the checked pairs of `results`."""
    responses = [response for _, result in results for response in result.responses]
    pairs = [pair for pair in checked if pair.responses is None]
    accepted = [pair.paper for pair in pairs if not pair.problem]
    unreadable = [pair for pair in checked if pair.responses is not None]
    papers, accepted_by_year = Counter(paper.year for paper, _ in results), Counter(paper.year for paper in accepted)
    rejected_by_year = Counter(pair.paper.year for pair in pairs if pair.problem)
    return Manifest(
        **dict(settings),
        made_by=sorted({result.made_by for _, result in results}),
        checks=checks,
        papers=len(results),
        papers_unanswered=papers_unanswered,
        papers_with_pairs=len({paper.paper_id for paper in accepted}),
        responses=len(responses),
        responses_cut_off=sum(response.finish_reason == "length" for response in responses),
        tokens=sum(response.tokens for response in responses),
        pairs=len(pairs),
        accepted=len(accepted),
        rejected_pairs=_count_reasons(pairs),
        rejected_papers=_count_reasons(unreadable),
        by_year={
            str(year): YearCounts(papers=number, accepted=accepted_by_year[year], rejected=rejected_by_year[year])
            for year, number in sorted(papers.items())
        },
    )


def generation_table(manifest: Manifest) -> Table:
    """Return the table of papers and pairs by year, and of rejections by reason, for the terminal."""
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


def _count_reasons(pairs: Sequence[CheckedPair]) -> dict[str, int]:
    return dict(Counter(pair.problem.reason for pair in pairs if pair.problem).most_common())
