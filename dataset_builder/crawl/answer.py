"""What is asked of a source and what comes back: a listed paper, and an answer that must be on that paper."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher


@dataclass(frozen=True)
class ListedPaper:
    """A paper as DBLP lists it. `paper_id` is its DOI in lower case, else (or when taken) its URL."""

    paper_id: str
    title: str
    year: int
    venue: str
    paper_url: str
    doi: str | None


@dataclass(frozen=True)
class Answer:
    """What a source says of a paper: the title and the abstract as it has them, None for what it has not."""

    title: str | None
    text: str | None


def same_title(listed: str, answered: str) -> bool:
    """Tell whether two titles name the same paper.

    Case, punctuation and spaces count for nothing, a subtitle may be missing in one of them, and a fifth of the
    letters may differ (spelled-out symbols, lost accents).
    """
    ours, theirs = (re.sub(r"[\W_]+", "", title.casefold()) for title in (listed, answered))
    shorter, longer = sorted((ours, theirs), key=len)
    # A title of a word or two begins many others.
    if len(shorter) >= 12 and longer.startswith(shorter):
        return True
    return SequenceMatcher(None, ours, theirs, autojunk=False).ratio() >= 0.8
