"""The split rule."""

from __future__ import annotations

import pytest

from dataset_builder.corpus.splits import split_of_paper


@pytest.mark.parametrize(
    ("paper_id", "year", "split"),
    [
        # `printf %s ID | sha256sum` starts with ad26b63a = 2,904,995,386, which ends in 6
        ("10.1/train", 2021, "train"),
        # 2d2f763c = 758,085,180, which ends in 0
        ("10.1/validation22", 2021, "validation"),
        ("10.1/validation22", 2022, "test"),
        ("10.1/train", 2022, "test"),
    ],
)
def test_split_follows_year_and_hash(paper_id: str, year: int, split: str) -> None:
    """The hashes were taken with sha256sum."""
    assert split_of_paper(paper_id, year) == split


def test_one_paper_in_ten_is_for_validation() -> None:
    """Of 10,000 ids 1,000, give or take 90: three standard deviations of a binomial count."""
    count = sum(split_of_paper(f"10.1145/{number}", 2010) == "validation" for number in range(10_000))
    assert 910 <= count <= 1090
