"""Define an example of the verifier: an answer to a question on an abstract that supports it, or does not."""

from dataclasses import dataclass
from typing import Literal, get_args

ErrorKind = Literal[
    "number-changed",
    "number-role",
    "unit",
    "statistic",
    "baseline",
    "entity-role",
    "direction",
    "negation",
    "cause",
    "scope",
    "other-question",
    "other-paper",
    "unsupported",
]
ERROR_KINDS: tuple[ErrorKind, ...] = get_args(ErrorKind)


@dataclass(frozen=True)
class Example:
    """An answer to a question on the abstract `context`; `error` is None if the abstract supports the answer."""

    paper_id: str
    context: str
    question: str
    answer: str
    error: ErrorKind | None

    @property
    def is_supported(self) -> bool:
        """Return whether the abstract supports the answer."""
        return self.error is None
