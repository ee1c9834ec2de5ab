"""What is already known: one line for each paper and source asked, on disk before the next request."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock

from dataset_builder.files import write_text


@dataclass(frozen=True)
class Outcome:
    """What asking a source for a paper gave: an abstract, or the reason why not. `failed`: it could not be asked."""

    abstract: str | None
    reason: str | None = None
    failed: bool = False


class Journal:
    """The outcomes by paper_id and source, in a file that only grows; a line cut off by a kill counts for nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self.outcomes: dict[tuple[str, str], Outcome] = {}
        if path.is_file():
            *whole, cut_off = path.read_bytes().split(b"\n")
            for line in whole:
                record = json.loads(line)
                key = record.pop("paper_id"), record.pop("source")
                self.outcomes[key] = Outcome(**record)
            os.truncate(path, path.stat().st_size - len(cut_off))

    def add(self, source: str, outcomes: dict[str, Outcome]) -> None:
        """Add the outcomes of a source by paper_id, on disk before this returns."""
        new = {(paper_id, source): outcome for paper_id, outcome in outcomes.items()}
        with self._lock:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(_lines(new))
            self.outcomes.update(new)

    def forget_missing(self) -> None:
        """Forget every outcome of the papers for which no source had an abstract."""
        found = {paper_id for (paper_id, _), outcome in self.outcomes.items() if outcome.abstract}
        self.outcomes = {key: outcome for key, outcome in self.outcomes.items() if key[0] in found}
        write_text(self._path, _lines(self.outcomes))


def _lines(outcomes: dict[tuple[str, str], Outcome]) -> str:
    records = (
        {"paper_id": paper_id, "source": source, **asdict(outcome)} for (paper_id, source), outcome in outcomes.items()
    )
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
