"""The grounding check: numbers, the nearest sentence of an abstract, and the arguments."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataset_builder.grounding.check import (
    nearest_sentence_similarities,
    unsupported_numbers,
)
from dataset_builder.models.encoders import Embed, load_embed
from dataset_builder.models.folders import EncoderFolder

SOURCE = "Tracer: small caches. Tracer shrinks a cache by 2.50x and costs 1,024 bytes. It was run on two GPUs."


@pytest.mark.parametrize(
    ("text", "source", "unsupported"),
    [
        ("2 GPUs, 1024 bytes, 2.5\u00d7", SOURCE, []),
        ("3 GPUs, 10 bytes, 2.51x", SOURCE, ["2.51", "3", "10"]),
        ("It costs 33%, or 0.5, of 007.", "It costs 33 percent, or .5, of 7.", []),
        ("It costs .7 J.", "It costs 7 J.", ["0.7"]),
        ("It serves 1,000,000 users.", "It serves 1000000 users.", []),
        # Words for small numbers count; "one" is seldom meant as a number.
        ("It halves it: 50%.", "The cost falls by half.", []),
        ("It is three times faster.", "It is 2 times as fast.", ["3"]),
        ("It is 2x as fast.", "The speed doubles, by a two-way cache.", []),
        ("It uses 203 or 500 cores.", "It uses two hundred and three hundred cores.", ["203", "500"]),
        ("It has 64 cores.", "It has sixty-four cores.", []),
        ("It has 1.5 million users.", "It has 1,500,000 users.", []),
        ("It has 2 billion users.", "It has 2 million users.", ["2000000000"]),
        ("It saves ninety percent.", "It saves 80%.", ["90"]),
        # Multiples.
        ("It gives a twofold gain.", "It gives a 2x gain.", []),
        ("It quadruples the gain.", "It gives a 2x gain.", ["4"]),
        ("It halves the cost.", "The cost falls by 50%.", []),
        ("It halves the cost.", "The cost falls by 30%.", ["50"]),
        # A prefix is decimal or binary.
        ("It has 4096 entries.", "It has 4K entries.", []),
        ("It has 4K entries.", "It has 5000 entries.", ["4"]),
        # A power, also where the publisher lost the superscript.
        ("It is 10^-4.", "It is 104.", []),
        ("It is 10\u2074.", "It is 10 4\u00d7 lower.", []),
        ("It is 10^-4.", "It is 10^-5.", ["0.0001"]),
        # Numbers in names.
        ("It uses GPT-2 and x86.", "It uses GPT-2 and x86.", []),
        ("It uses GPT-3 and x64.", "It uses GPT-2 and x86.", ["3", "64"]),
        ("It is up to 3x as fast.", "It is 2x-3x as fast.", []),
    ],
)
def test_numbers_are_compared_by_value(text: str, source: str, unsupported: list[str]) -> None:
    """In digits or in words, with commas, zeros and units, and in names."""
    assert unsupported_numbers(text, source) == unsupported


@pytest.fixture(scope="module")
def embed(encoder: Path) -> Embed:
    """Return a function that embeds texts with the packaged encoder."""
    return load_embed(EncoderFolder(str(encoder), encoder))


def test_similarity_is_that_of_the_nearest_sentence(embed: Embed) -> None:
    """An answer that repeats a sentence of its abstract has similarity 1; of two abstracts each uses its own."""
    first, second = "Caches hold data. Bread rises in an oven.", "Queues hold packets."
    answers = ["Bread rises in an oven.", "Queues hold packets.", "Bread rises in an oven."]
    same, other, far = nearest_sentence_similarities(embed, answers, [first, second, second])
    assert same == pytest.approx(1, abs=1e-3)
    assert other == pytest.approx(1, abs=1e-3)
    assert far < 0.5
    assert nearest_sentence_similarities(embed, [], []) == []
