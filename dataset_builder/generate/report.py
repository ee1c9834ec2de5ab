"""Report a run: its progress, the manifest, which makes every pair traceable, and the table for the terminal."""

import logging
import time
from collections import Counter
from collections.abc import Sequence

from tqdm import tqdm

from dataset_builder.corpus.manifest import Checks, GeneratedYear, GenerationSettings, Manifest
from dataset_builder.corpus.papers import Paper
from dataset_builder.generate.checks import CheckedPair
from dataset_builder.generate.responses import PaperResult, ResponseJournal
from dataset_builder.tables import Table
from dataset_builder.teachers.teacher import Teacher

logger = logging.getLogger(__name__)

# Seconds between two log lines if there is no terminal for a progress bar.
LOG_INTERVAL = 60.0


class Progress:
    """A progress bar over the papers of all processes, or a log line now and then without a terminal.

    Only the main process shows it.
    """

    def __init__(
        self, papers: Sequence[Paper], unfinished: int, teacher: Teacher, journal: ResponseJournal, shown: bool
    ) -> None:
        self._papers = {paper.paper_id for paper in papers}
        self._teacher = teacher
        self._journal = journal
        self._tokens = 0
        self._started = self._last_log = time.monotonic()
        self._shown = shown
        self._done = len(papers) - unfinished
        # `disable=None` disables the bar without a terminal.
        disable = None if shown else True
        self._bar = tqdm(total=len(papers), initial=self._done, desc=teacher.name, unit="paper", disable=disable)

    def close(self) -> None:
        """Close the progress bar."""
        self._bar.close()

    def add_results(self, results: list[PaperResult]) -> None:
        """Add the results to the journal, and show what all processes have finished."""
        self._journal.append(results)
        new = [result for result in self._journal.read_new() if result.paper_id in self._papers]
        self._tokens += sum(response.tokens for result in new for response in result.responses)
        self._done += len(new)
        now = time.monotonic()
        summary = f"{self._tokens / max(now - self._started, 1e-9):.0f} tokens/s"
        self._bar.set_postfix_str(summary, refresh=False)
        self._bar.update(len(new))
        if self._shown and self._bar.disable and now - self._last_log >= LOG_INTERVAL:
            self._last_log = now
            logger.info("%s: %d of %d papers, %s", self._teacher.name, self._done, len(self._papers), summary)


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
            str(year): GeneratedYear(papers=number, accepted=accepted_by_year[year], rejected=rejected_by_year[year])
            for year, number in sorted(papers.items())
        },
    )


def generation_table(manifest: Manifest) -> Table:
    """Return the table of papers and pairs by year, and of rejections by reason, for the terminal."""
    rows = [
        [year, str(counts.papers), str(counts.accepted), str(counts.rejected)]
        for year, counts in manifest.by_year.items()
    ]
    rows.append(["all", str(manifest.papers), str(manifest.accepted), str(manifest.pairs - manifest.accepted)])
    for unit, reasons in (("pairs", manifest.rejected_pairs), ("papers", manifest.rejected_papers)):
        rows += [[f"{unit}: {reason}", "", "", str(count)] for reason, count in reasons.items()]
    return ["year", "papers", "accepted", "rejected"], rows


def _count_reasons(pairs: Sequence[CheckedPair]) -> dict[str, int]:
    return dict(Counter(pair.problem.reason for pair in pairs if pair.problem).most_common())
