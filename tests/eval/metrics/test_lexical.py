"""Test the metrics of words, numbers and length against values computed by hand."""

from __future__ import annotations

import pytest

from dataset_builder.grounding.quantities import supporting_numbers
from eval.metrics.lexical import lexical_metrics, number_match, number_support, token_f1


def test_token_f1_by_hand() -> None:
    """Without article and punctuation "cache halves misses" and "halves cache misses here": 2 * 3 / (3 + 4)."""
    assert token_f1("The cache halves misses.", "Halves cache misses here") == pytest.approx(6 / 7)
    assert token_f1("", "Anything") == 0.0
    assert token_f1("miss miss", "miss") == pytest.approx(2 / 3)


def test_number_match_wants_the_same_numbers_and_no_other() -> None:
    """It does not apply to a reference without numbers."""
    assert number_match("It is 2.50 times faster.", "2.5x faster") == 1.0
    assert number_match("It is 2.5 times faster in 3 cases.", "2.5x faster") == 0.0
    assert number_match("It is faster.", "2.5x faster") == 0.0
    assert number_match("It is 2 times faster.", "It is faster.") is None


def test_rouge_l_and_length_by_hand() -> None:
    """Longest common subsequence "the cat the mat", 4 of 6 and of 4 words: F = 2 * (4/6 * 1) / (4/6 + 1) = 0.8."""
    found = lexical_metrics(["the cat sat on the mat", None], ["the cat the mat", "b"], [set(), set()])
    assert found["rouge_l"] == [pytest.approx(0.8), None]
    assert found["length_ratio"] == [1.5, None]
    assert found["token_f1"][1] is None and found["number_match"] == [None, None]
    assert found["number_support"] == [1.0, None]


def test_number_support_wants_every_number_in_the_source() -> None:
    """By value, in digits or words; an answer without numbers is supported; the number of a name does not count."""
    supported = supporting_numbers("It has 1,000 rows and is two times faster than DDR4. Why 64?")
    for answer in ("1000 rows of 64 bits", "2 times faster", "2.0x", "It is faster.", "GPT-7 is slow."):
        assert number_support(answer, supported) == 1.0
    for answer in ("1000 rows of 65 bits", "3 times faster", "10 rows"):
        assert number_support(answer, supported) == 0.0
