"""What is finished: one line for each batch of papers, with raw responses and seeds, on disk before the next batch."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path


@dataclass(frozen=True)
class Request:
    """A paper and what the teacher is asked about it."""

    paper_id: str
    prompt: str

    @property
    def messages(self) -> list[dict[str, str]]:
        """Return the chat that asks for the pairs: one user turn, since Gemma's template refuses a system turn."""
        return [{"role": "user", "content": self.prompt}]

    @cached_property
    def sha256(self) -> str:
        """Return the SHA-256 of the prompt: of a paper whose abstract has changed since, the journal knows nothing."""
        return hashlib.sha256(self.prompt.encode()).hexdigest()


@dataclass(frozen=True)
class Attempt:
    """One raw response: its seed, its text, why it ended ("stop" or "length"), and how many tokens it took."""

    seed: int
    text: str
    finish_reason: str
    tokens: int


@dataclass(frozen=True)
class Finished:
    """What became of a request: its attempts, of which the last may parse, or why it could not be asked.

    `made_by` says what ran the model: the library, device and precision, or the name that a server gave.
    """

    paper_id: str
    request_sha256: str
    made_by: str
    attempts: list[Attempt]
    failure: str | None = None


def seed_of(run_seed: int, paper_id: str, attempt: int) -> int:
    """Return the seed of an attempt, the first being 0: from the run's seed and the paper's id, and nothing else.

    It has 31 bits, which every server's signed or unsigned integer holds.
    """
    digest = hashlib.sha256(f"{run_seed} {attempt} {paper_id}".encode()).digest()
    return int.from_bytes(digest[:4], "big") & 0x7FFFFFFF


class Journal:
    """The finished requests, in one growing file a process.

    A line is what was finished together; cut off by a kill it counts for nothing.
    """

    def __init__(self, folder: Path, process: int = 0) -> None:
        self._folder = folder
        self._own = folder / f"finished-{process:05d}.jsonl"
        self._read: dict[Path, int] = {}
        self.finished: dict[tuple[str, str], Finished] = {}
        self.refresh()
        if self._own.is_file():
            os.truncate(self._own, self._read[self._own])

    def refresh(self) -> list[Finished]:
        """Read what all processes have added since, and return it; of a request that stands there twice, the first."""
        new = []
        for path in sorted(self._folder.glob("finished-*.jsonl")):
            begin = self._read.get(path, 0)
            with path.open("rb") as file:
                file.seek(begin)
                added = file.read()
            whole = added[: added.rfind(b"\n") + 1]
            self._read[path] = begin + len(whole)
            for line in whole.splitlines():
                for record in json.loads(line):
                    record["attempts"] = [Attempt(**attempt) for attempt in record["attempts"]]
                    result = Finished(**record)
                    if (result.paper_id, result.request_sha256) not in self.finished:
                        self.finished[result.paper_id, result.request_sha256] = result
                        new.append(result)
        return new

    def result_of(self, request: Request) -> Finished | None:
        """Return what became of a request, or None where it is not finished."""
        return self.finished.get((request.paper_id, request.sha256))

    def is_done(self, request: Request) -> bool:
        """Tell whether this request, with this prompt, is finished."""
        return self.result_of(request) is not None

    def add(self, results: list[Finished]) -> None:
        """Add requests that were finished together, on disk before this returns."""
        line = json.dumps([asdict(result) for result in results], ensure_ascii=False) + "\n"
        with self._own.open("a", encoding="utf-8") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
