"""The progress of a run: papers, pairs, tokens a second, the share that the rules reject, and the time left."""

from __future__ import annotations

import time

from tqdm import tqdm

from dataset_builder.generate.checks import reject_by_rule
from dataset_builder.generate.journal import Finished, Journal, Request
from dataset_builder.generate.schema import ParseError, parse_response
from dataset_builder.generate.teacher import Teacher
from dataset_builder.papers import Paper


class Progress:
    """A bar over the papers of a run, those of all processes, that the main process shows.

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
        self._started = time.monotonic()
        # On a terminal only, as everywhere.
        self._bar = tqdm(
            total=len(papers),
            initial=sum(journal.is_done(requests[paper_id]) for paper_id in self._papers),
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
        seconds = max(time.monotonic() - self._started, 1e-9)
        self._bar.set_postfix_str(
            f"{self._pairs} pairs, {self._tokens / seconds:.0f} tokens/s, "
            f"{self._rejected / max(self._pairs, 1):.0%} rejected",
            refresh=False,
        )
        self._bar.update(len(new))

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
