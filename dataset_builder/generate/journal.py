"""Keep the finished requests of a run on disk, so that a killed run can continue."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dataset_builder.generate.responses import PaperResult, Request
from dataset_builder.journal import Journal


class ResponseJournal:
    """The results of all processes of a run, by paper and prompt; each process adds to its own file."""

    def __init__(self, folder: Path, process: int = 0) -> None:
        self._journal = Journal(folder, "responses", PaperResult, process)
        self._results: dict[tuple[str, str], PaperResult] = {}
        self.read_new()

    @property
    def paper_ids(self) -> set[str]:
        """Return the ids of the papers that have a result, with any prompt."""
        return {paper_id for paper_id, _ in self._results}

    def read_new(self) -> list[PaperResult]:
        """Return the results that all processes added since the last call; only the first result of a request."""
        new = []
        for result in self._journal.read_new():
            key = result.paper_id, result.request_sha256
            if key not in self._results:
                self._results[key] = result
                new.append(result)
        return new

    def get(self, request: Request) -> PaperResult | None:
        """Return the result of this request, with this prompt, or None for an unfinished request."""
        return self._results.get((request.paper_id, request.sha256))

    def append(self, results: Sequence[PaperResult]) -> None:
        """Add results that belong together; they are on disk when this returns."""
        self._journal.append(results)
