"""Sentences, words and numbers."""

from __future__ import annotations

import pytest

from dataset_builder.text import normalize_question, numbers, sentence_spans, sentences


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("It works. Does it? Yes!", ["It works.", "Does it?", "Yes!"]),
        ("We compare, e.g. GPUs, and cite Li et al. The rest is 2.5x faster.", None),
        ("The chip of J. Doe wins. (It is small.)", ["The chip of J. Doe wins.", "(It is small.)"]),
        ("", [""]),
    ],
)
def test_sentences_end_before_a_new_one(text: str, parts: list[str] | None) -> None:
    """An abbreviation or an initial does not end a sentence; None: one sentence."""
    assert sentences(text) == (parts or [text])


def test_spans_of_sentences() -> None:
    """They leave out the spaces and line breaks around sentences."""
    text = " It works.\n Does it?  "
    assert sentence_spans(text) == [(1, 10), (12, 20)]
    assert sentence_spans("  ") == [(0, 2)]


def test_numbers_are_read_by_value() -> None:
    """Thousands, decimals, factors and percents; the number in a name does not count."""
    assert numbers("1,000 cores are 2.50x faster (40%) than DDR4, GPT-2 or 3-stage ones") == {1000.0, 2.5, 40.0, 3.0}
    assert numbers("1.2x-1.7x, 64KB-4,096KB and 5Mbps-9Gbps") == {1.2, 1.7, 64.0, 4096.0, 5.0, 9.0}
    assert numbers("RISC-5, LPDDR4X-4266 and A64FX-2") == set()


def test_questions_are_compared_by_their_words() -> None:
    """Case, spaces and punctuation do not matter."""
    assert normalize_question(" What does  IT cost? ") == normalize_question("what does it cost")
    assert normalize_question("What does it cost?") != normalize_question("What does it save?")
