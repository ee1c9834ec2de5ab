"""Split text into sentences, words and numbers, the same way for every stage."""

import re
from collections.abc import Iterator

# A sentence ends at a full stop, question mark or exclamation mark before a space and a capital, digit or opening
# mark, but not after an initial or an abbreviation that is usual in abstracts.
SENTENCE_END = re.compile(r"(?<!\b[A-Z]\.)(?<!e\.g\.)(?<!i\.e\.)(?<!vs\.)(?<!et al\.)(?<=[.?!])\s+(?=[\"'(A-Z0-9])")
# A number, but not the one in a name such as DDR4 or GPT-2.
NUMBER = re.compile(r"(?<![A-Za-z0-9.])(?<![A-Za-z]-)(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?")
# The lower end of a range with units, such as 64KB-128KB. Its hyphen does not make the upper end a part of a name.
LOWER_END = re.compile(r"(?<![\w.,-])(\d[\d.,]*[A-Za-z]+)-(?=\d)")
NGRAM_LENGTH = 8


def sentences(text: str) -> list[str]:
    """Return the sentences of a text; the whole text if no end of a sentence is found."""
    return [text[start:end] for start, end in sentence_spans(text)]


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Return where each of the `sentences` of a text begins and ends."""
    begin, stop = len(text) - len(text.lstrip()), len(text.rstrip())
    if begin >= stop:
        return [(0, len(text))]
    gaps = [match.span() for match in SENTENCE_END.finditer(text, begin, stop)]
    starts, ends = [begin, *(end for _, end in gaps)], [*(start for start, _ in gaps), stop]
    return [span for span in zip(starts, ends, strict=True) if span[0] < span[1]]


def words(text: str) -> list[str]:
    """Return the words and numbers of a text in lower case, without punctuation."""
    return re.findall(r"\w+", text.lower())


def ngrams(text: str, length: int = NGRAM_LENGTH) -> Iterator[tuple[str, ...]]:
    """Yield every run of `length` consecutive words of `text`, in lower case and without punctuation."""
    tokens = words(text)
    for start in range(len(tokens) - length + 1):
        yield tuple(tokens[start : start + length])


def numbers(text: str) -> set[float]:
    """Return the numbers that a text writes in digits: 1,000 is 1000.0 and 2.50x is 2.5."""
    return {float(number.replace(",", "")) for number in NUMBER.findall(LOWER_END.sub(r"\1 ", text))}


def normalize_question(question: str) -> str:
    """Return the form in which questions are compared: their words and numbers in lower case."""
    return " ".join(words(question))


def without_surrogates(text: str) -> str:
    """Return `text` with a question mark for each half of a surrogate pair, which UTF-8 cannot hold."""
    return text.encode("utf-8", "replace").decode()
