"""The progress of a run: papers, pairs, tokens a second, the share that the rules reject, and the time left."""

from __future__ import annotations

import logging
import time

from tqdm import tqdm

from dataset_builder.corpus.papers import Paper
from dataset_builder.generate.checks import reject_by_rule
from dataset_builder.generate.journal import Finished, Journal, Request
from dataset_builder.generate.schema import ParseError, parse_response
from dataset_builder.teachers.teacher import Teacher

logger = logging.getLogger(__name__)

# Seconds between two lines where there is no terminal for a bar.
BETWEEN_LINES = 60.0


class Progress:
    """A bar over the papers of a run, those of all processes, that the main process shows; else a line now and then.

    The rejection rate is that of the rules which need no other pair and no encoder: what repeats and what is not close
    to the abstract is known at the end only.
    """

    def __init__(
        self, papers: list[Paper], requests: dict[str, Request], teacher: Teacher, journal: Journal, shown: bool
    ) -> None:
        self._papers = {paper.paper_id: paper for paper in papers}
        self._teacher = teacher
        self._journal = journal
        self._pairs = self._rejected = self._tokens = 0
        self._started = self._told = time.monotonic()
        self._shown = shown
        self._done = sum(journal.is_done(requests[paper_id]) for paper_id in self._papers)
        # On a terminal only, as everywhere.
        self._bar = tqdm(
            total=len(papers),
            initial=self._done,
            desc=teacher.name,
            unit="paper",
            disable=None if shown else True,
        )

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def finished(self, results: list[Finished]) -> None:
        """Put the results into the journal, and show what all processes have finished."""
        self._journal.add(results)
        new = [result for result in self._journal.refresh() if result.paper_id in self._papers]
        for result in new:
            self._count(result)
        self._done += len(new)
        now = time.monotonic()
        so_far = (
            f"{self._pairs} pairs, {self._tokens / max(now - self._started, 1e-9):.0f} tokens/s, "
            f"{self._rejected / max(self._pairs, 1):.0%} rejected"
        )
        self._bar.set_postfix_str(so_far, refresh=False)
        self._bar.update(len(new))
        if self._shown and self._bar.disable and now - self._told >= BETWEEN_LINES:
            self._told = now
            logger.info("%s: %d of %d papers, %s", self._teacher.name, self._done, len(self._papers), so_far)

    def _count(self, result: Finished) -> None:
        paper = self._papers[result.paper_id]
        self._tokens += sum(attempt.tokens for attempt in result.attempts)
        try:
            pairs = parse_response(result.attempts[-1].text, self._teacher.limits) if result.attempts else []
        except ParseError:
            return
        self._pairs += len(pairs)
        source = f"{paper.title}. {paper.abstract}"
        self._rejected += sum(reject_by_rule(*pair, source, self._teacher.limits) is not None for pair in pairs)
