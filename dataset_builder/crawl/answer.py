"""Define what a source answers, or why it does not, and compare titles."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher


class FetchError(Exception):
    """A request without a usable answer. The message is a reason for the report: it holds no URL and no key.

    `status` is the HTTP status, if that is the reason.
    """

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status

    @property
    def page_missing(self) -> bool:
        """Whether the host answered that it has no such page."""
        return self.status in (404, 410)


@dataclass(frozen=True)
class Answer:
    """The title and the abstract of a paper in the words of a source; None for what the source does not have."""

    title: str | None
    abstract: str | None


def same_title(listed: str, answered: str) -> bool:
    """Return whether two titles name the same paper.

    Case, punctuation and spaces are ignored. One title may lack the subtitle, and a fifth of the letters may differ
    (spelled-out symbols, lost accents).
    """
    ours, theirs = (re.sub(r"[\W_]+", "", title.casefold()) for title in (listed, answered))
    shorter, longer = sorted((ours, theirs), key=len)
    # A shorter one, of a word or two, is the beginning of many titles.
    if len(shorter) >= 12 and longer.startswith(shorter):
        return True
    return SequenceMatcher(None, ours, theirs, autojunk=False).ratio() >= 0.8
