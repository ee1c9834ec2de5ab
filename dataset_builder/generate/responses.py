"""Define the request to a teacher about one paper, and its result."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

from dataset_builder.corpus.manifest import Response
from dataset_builder.formats import FileFormat


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
        return hashlib.sha256(self.prompt.encode()).hexdigest()


class PaperResult(FileFormat):
    """The result of one request: its responses, of which the last one may parse, or why it could not be asked.

    `made_by` says what ran the model: the library, device and precision, or the name that a server gave.
    """

    paper_id: str
    request_sha256: str
    made_by: str
    responses: list[Response]
    failure: str | None = None


def derive_seed(run_seed: int, paper_id: str, attempt: int) -> int:
    """Return the seed of an attempt (the first is 0) from the run's seed and the paper's id, and nothing else.

    The seed has 31 bits, so that it fits into the signed and unsigned integers of every server.
    """
    digest = hashlib.sha256(f"{run_seed} {attempt} {paper_id}".encode()).digest()
    return int.from_bytes(digest[:4], "big") & 0x7FFFFFFF
