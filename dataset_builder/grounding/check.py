"""Check whether the abstract supports an answer by its numbers and by its meaning; see `names.py` for the names."""

import argparse
from collections.abc import Sequence
from functools import lru_cache

from dataset_builder.command import number_between
from dataset_builder.grounding.quantities import mentioned_numbers, supporting_numbers
from dataset_builder.models.encoders import Embed
from dataset_builder.models.packaged import DEFAULT_ENCODER, default_encoder
from dataset_builder.text import sentences, words

# The lowest cosine similarity of an answer to the abstract's nearest sentence, by all-MiniLM-L6-v2. Calibrated on
# 2,579 pairs on 712 real ISCA abstracts: 97 % of the good pairs of each teacher pass, also where answers are short.
THRESHOLD = 0.56

# These words support a number in digits. In an answer they are seldom meant as a number and need no support.
RELATED_WORDS = {"zero": 0, "one": 1, "first": 1, "once": 1, "single": 1} | {
    **{"both": 2, "pair": 2, "second": 2, "third": 3},
}


def unsupported_numbers(text: str, source: str) -> list[str]:
    """Return the numbers of `text` that `source` has neither in digits nor in words, in ascending order.

    Numbers are compared by value: 1,000 is 1000 and 2.50x is 2.5. The numbers in names count, too: DDR4 is not
    supported by DDR3.
    """
    mentioned = sorted(mentioned_numbers(text).items())
    return [f"{number:.15g}" for number, values in mentioned if not values & _known_numbers(source)]


# The questions and answers on a paper are checked one after the other.
@lru_cache(maxsize=16)
def _known_numbers(source: str) -> frozenset[float]:
    related = {RELATED_WORDS[word] for word in words(source) if word in RELATED_WORDS}
    return frozenset(supporting_numbers(source) | related)


def add_grounding_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of the grounding check: the encoder and the threshold."""
    command.add_argument(
        "--encoder",
        default=default_encoder(),
        metavar="MODEL",
        help=f"sentence encoder, folder or Hub id; default: the packaged one if it exists, else {DEFAULT_ENCODER}",
    )
    command.add_argument(
        "--threshold",
        type=number_between(-1, 1),
        default=THRESHOLD,
        metavar="S",
        help="lowest similarity (-1 to 1) of an answer to the nearest sentence of the abstract; default: %(default)s",
    )


def nearest_sentence_similarities(embed: Embed, texts: Sequence[str], abstracts: Sequence[str]) -> list[float]:
    """Return the cosine similarity (-1 to 1) of each text to the nearest sentence of its abstract.

    `texts` and `abstracts` have the same length. Each text and sentence is embedded once.
    """
    if not texts:
        return []
    parts = {abstract: sentences(abstract) for abstract in dict.fromkeys(abstracts)}
    distinct = list(dict.fromkeys([*texts, *(sentence for part in parts.values() for sentence in part)]))
    embeddings = embed(distinct)
    row = {text: number for number, text in enumerate(distinct)}
    return [
        round(float((embeddings[[row[sentence] for sentence in parts[abstract]]] @ embeddings[row[text]]).max()), 4)
        for text, abstract in zip(texts, abstracts, strict=True)
    ]
