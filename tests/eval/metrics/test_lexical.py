"""Test the metrics of words, numbers and length against values computed by hand."""

from __future__ import annotations

import pytest

from dataset_builder.grounding.quantities import supporting_numbers
from dataset_builder.text import numbers
from eval.metrics.lexical import lexical_metrics, number_match, number_support, title, token_f1


def test_token_f1_by_hand() -> None:
    """Without article and punctuation "cache halves misses" and "halves cache misses here": 2 * 3 / (3 + 4)."""
    assert token_f1("The cache halves misses.", "Halves cache misses here") == pytest.approx(6 / 7)
    assert token_f1("", "Anything") == 0.0
    assert token_f1("miss miss", "miss") == pytest.approx(2 / 3)


def test_numbers_are_read_as_numbers_and_names_are_not() -> None:
    """DDR4, GPT-2 and H100 are names; 1,024 and 1024.0 are one number."""
    assert numbers("DDR4 with GPT-2 on an H100") == set()
    assert numbers("1,024 rows, 2.5x faster and 35% less, in 8-bit") == {1024, 2.5, 35, 8}
    assert numbers("from 3 to 3.0.") == {3}
    assert numbers("in 1,2,3 and 12,34 and 1,234,567 steps") == {1, 2, 3, 12, 34, 1234567}
    assert numbers("1,0245") == {1, 245}


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


@pytest.mark.parametrize(
    "text",
    [
        "",
        " - ",
        "It's cached,\u00a0caching; DDR4-3200/x86\nMicro\u2011ops (\u00b5ops) \u0391\u03a3 na\u00efve!",
        "CACHES Cached caches",
    ],
)
def test_words_are_stemmed_as_by_the_library(text: str) -> None:
    """Word by word as the whole text, with odd spaces, letters and hyphens."""
    from rouge_score.tokenizers import DefaultTokenizer

    from eval.metrics.rouge import CachingTokenizer

    assert CachingTokenizer().tokenize(text) == DefaultTokenizer(use_stemmer=True).tokenize(text)


def test_number_support_wants_every_number_in_the_source() -> None:
    """By value, in digits or words; an answer without numbers is supported; the number of a name does not count."""
    supported = supporting_numbers("It has 1,000 rows and is two times faster than DDR4. Why 64?")
    for answer in ("1000 rows of 64 bits", "2 times faster", "2.0x", "It is faster.", "GPT-7 is slow."):
        assert number_support(answer, supported) == 1.0
    for answer in ("1000 rows of 65 bits", "3 times faster", "10 rows"):
        assert number_support(answer, supported) == 0.0


def test_further_encoders_have_titles() -> None:
    """The first two encoders have their own titles; the others are numbered."""
    assert title("cosine_similarity_2") == "similarity, second encoder"
    assert title("cosine_similarity_3") == "similarity, encoder 3"
