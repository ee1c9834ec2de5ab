"""Define the request to a teacher about one paper and its result, and keep the results on disk for a killed run."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from dataset_builder.corpus.manifest import Response
from dataset_builder.files import sha256_of_text
from dataset_builder.formats import FileFormat
from dataset_builder.journal import Journal


@dataclass(frozen=True)
class Request:
    """The prompt on one paper."""

    paper_id: str
    prompt: str

    @property
    def messages(self) -> list[dict[str, str]]:
        """Return the prompt as a chat of one user turn, since Gemma's chat template refuses a system turn."""
        return [{"role": "user", "content": self.prompt}]

    @cached_property
    def sha256(self) -> str:
        """Return the SHA-256 of the prompt. It changes with the abstract, so that a changed paper is asked again."""
        return sha256_of_text(self.prompt)


class PaperResult(FileFormat):
    """The result of one request: its responses, of which the last one may parse, or why it could not be asked.

    `made_by` says what ran the model: the library, device and precision, or the name that a server gave.
    """

    paper_id: str
    request_sha256: str
    made_by: str
    responses: list[Response]
    failure: str | None = None


# Called with each batch of results as soon as it is finished.
OnResults = Callable[[list[PaperResult]], None]


def derive_seed(run_seed: int, paper_id: str, attempt: int) -> int:
    """Return the seed of an attempt (the first is 0) from the run's seed and the paper's id, and nothing else.

    The seed has 31 bits, so that it fits into the signed and unsigned integers of every server.
    """
    digest = hashlib.sha256(f"{run_seed} {attempt} {paper_id}".encode()).digest()
    return int.from_bytes(digest[:4], "big") & 0x7FFFFFFF


class ResponseJournal(Journal[PaperResult]):
    """The results of all processes of a run, by paper and prompt."""

    def __init__(self, folder: Path, process: int = 0) -> None:
        super().__init__(folder, "responses", PaperResult, process)
        self._results: dict[tuple[str, str], PaperResult] = {}
        self.read_new()

    @property
    def paper_ids(self) -> set[str]:
        """Return the ids of the papers that have a result, with any prompt."""
        return {paper_id for paper_id, _ in self._results}

    def read_new(self) -> list[PaperResult]:
        """Return the results that all processes added since the last call; only the first result of a request."""
        new = []
        for result in super().read_new():
            key = result.paper_id, result.request_sha256
            if key not in self._results:
                self._results[key] = result
                new.append(result)
        return new

    def get(self, request: Request) -> PaperResult | None:
        """Return the result of this request, with this prompt, or None for an unfinished request."""
        return self._results.get((request.paper_id, request.sha256))
