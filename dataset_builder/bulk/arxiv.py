"""Define a record of arXiv's metadata file, one for each paper: https://www.kaggle.com/datasets/Cornell-University/arxiv."""

import re

from pydantic import BaseModel

# An id begins with year and month, after an archive's name in the ids before April 2007:
# https://info.arxiv.org/help/arxiv_identifier.html.
ID = re.compile(r"(?:[a-z-]+(?:\.[A-Z]{2})?/)?(?P<year>\d\d)\d\d\.?\d{3,5}")
ARXIV_PAGES = "https://arxiv.org/abs/"
# The papers of 1991 are the oldest.
FIRST_YEAR = 91


class ArxivRecord(BaseModel):
    """A paper; its subjects are arXiv's categories, such as cs.AR for hardware architecture."""

    id: str
    title: str
    abstract: str
    doi: str | None = None
    # In arXiv's own file one text, with spaces between the categories.
    categories: str | list[str]

    @property
    def subjects(self) -> set[str]:
        """The categories, first and further ones."""
        parts = [self.categories] if isinstance(self.categories, str) else self.categories
        return {category for part in parts for category in part.split()}

    @property
    def year(self) -> int | None:
        """The year of the first version."""
        match = ID.fullmatch(self.id)
        year = int(match["year"]) if match else None
        return None if year is None else year + (1900 if year >= FIRST_YEAR else 2000)

    @property
    def problem(self) -> str | None:
        """None: every record is a paper."""
        return None

    @property
    def url(self) -> str:
        """The page of the abstract."""
        return f"{ARXIV_PAGES}{self.id}"
