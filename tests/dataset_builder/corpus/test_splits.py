"""The split rule."""

from __future__ import annotations

import pytest

from dataset_builder.corpus.splits import DEFAULT_RULE, SplitRule, hash_of_paper, split_of_paper


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
    assert split_of_paper(paper_id, year, DEFAULT_RULE) == split


def test_one_paper_in_ten_is_for_validation() -> None:
    """Of 10,000 ids 1,000, give or take 90: three standard deviations of a binomial count."""
    count = sum(split_of_paper(f"10.1145/{number}", 2010, DEFAULT_RULE) == "validation" for number in range(10_000))
    assert 910 <= count <= 1090


def test_year_and_share_are_options() -> None:
    """2,904,995,386 gives 0.6 and 290,499,538 / 429,496,729.6 of the next tenth; a larger share keeps its papers."""
    assert hash_of_paper("10.1/train") == pytest.approx(0.6 + 0.1 * 290_499_538 / 429_496_729.6)
    assert split_of_paper("10.1/train", 2021, SplitRule(validation_share=0.66)) == "train"
    assert split_of_paper("10.1/train", 2021, SplitRule(validation_share=0.67)) == "validation"
    assert split_of_paper("10.1/train", 2021, SplitRule(first_test_year=2021)) == "test"
    assert split_of_paper("10.1/train", 2022, SplitRule(first_test_year=2023)) == "train"
    half = sum(
        split_of_paper(f"10.1145/{number}", 2010, SplitRule(validation_share=0.5)) == "validation"
        for number in range(10_000)
    )
    assert 4850 <= half <= 5150
