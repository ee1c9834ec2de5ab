"""Assign papers to train, validation and test by year and by a hash of the id."""

from __future__ import annotations

import hashlib

FIRST_TEST_YEAR = 2022
SPLITS = ("train", "validation", "test")


def split_of_paper(paper_id: str, year: int) -> str:
    """Return "train", "validation" or "test".

    Papers from 2022 on are test papers. One in ten earlier papers is a validation paper, chosen by the first 32 bits
    of the SHA-256 of its id: no paper is in two splits, and adding papers moves none.
    """
    if year >= FIRST_TEST_YEAR:
        return "test"
    in_validation = int(hashlib.sha256(paper_id.encode()).hexdigest()[:8], 16) % 10 == 0
    return "validation" if in_validation else "train"
