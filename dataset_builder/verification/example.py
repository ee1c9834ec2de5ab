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
    """An answer to a question on the abstract `context`; `error` is None if the abstract supports the answer.

    `right_until` is the number of characters up to which the answer is right: the whole answer, or the part before its
    error. It is None where this is not known.
    """

    paper_id: str
    context: str
    question: str
    answer: str
    error: ErrorKind | None
    right_until: int | None = None

    @property
    def is_supported(self) -> bool:
        """Return whether the abstract supports the answer."""
        return self.error is None
