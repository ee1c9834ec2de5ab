"""Which split a paper stands in: by its year, and by a hash of its id, never by chance."""

from __future__ import annotations

import hashlib

FIRST_TEST_YEAR = 2022
SPLITS = ("train", "validation", "test")


def split_of(paper_id: str, year: int) -> str:
    """Return "train", "validation" or "test".

    Papers from 2022 on are for test. Of the earlier ones one in ten is for validation, chosen by the first 32 bits of
    the SHA-256 of its id, so that no paper stands in two splits and adding papers moves none.
    """
    if year >= FIRST_TEST_YEAR:
        return "test"
    in_validation = int(hashlib.sha256(paper_id.encode()).hexdigest()[:8], 16) % 10 == 0
    return "validation" if in_validation else "train"
