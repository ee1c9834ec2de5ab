"""Find the names that a text mentions, and check that another text has them, too."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from pathlib import Path

# Words that are not names, in lower case. `python -m docs.generate_common_words` writes the file.
COMMON_WORDS = frozenset((Path(__file__).parent / "common_words.txt").read_text(encoding="utf-8").split())
# A word with such an ending is not a name: adverbs, participles, and nouns made from other words.
COMMON_ENDING = re.compile(r"(?:ly|ing|ed|[ts]ions?|ness|ments?|ity)$")
_ARTICLES_AND_PRONOUNS = "a an it its no our that the this we which"
_PREPOSITIONS = "as at by for from in into of on per than to via with"
_VERBS_AND_CONJUNCTIONS = "and are be can has have is not or was were"
FUNCTION_WORDS = frozenset(f"{_ARTICLES_AND_PRONOUNS} {_PREPOSITIONS} {_VERBS_AND_CONJUNCTIONS}".split())
# Two initials stand beside each other by chance too often (of 806 abstracts, 81 % have "a" before "i" as initials), so
# an acronym of two letters has to stand for these words.
TWO_LETTERS = {
    "ai": "artificial intelligence",
    "db": "database",
    "hw": "hardware",
    "io": "input output",
    "ml": "machine learning",
    "nn": "neural network",
    "os": "operating system",
    "pc": "program counter",
    "pe": "processing element",
    "qc": "quantum computing",
    "rl": "reinforcement learning",
    "sc": "sequential consistency",
    "sm": "streaming multiprocessor",
    "sw": "software",
    "tm": "transactional memory",
    "vm": "virtual machine",
}
ACRONYM_LENGTHS = range(3, 9)
# The words of a source that a name such as TaskFlow can join.
MOST_JOINED_WORDS = 3

# Letters of Greek and Cyrillic that look like Latin ones, https://www.unicode.org/Public/security/latest/confusables.txt
# (there, a capital iota looks like a small L; here, like a capital i). At the end mu, which stands for micro: uArch.
LOOK_ALIKES = str.maketrans(
    "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7"
    "\u03b1\u03b3\u03b9\u03bd\u03bf\u03c1\u03c3\u03c5"
    "\u0410\u0412\u0415\u0405\u0406\u0408\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425\u042c\u050c\u051a\u051c"
    "\u0430\u0435\u0455\u0456\u0458\u043e\u0440\u0441\u0443\u0445\u04bb\u0501\u051b\u051d\u0475\u0433\u04c0"
    "\u03bc",
    "ABEZHIKMNOPTYX" + "ayivopou" + "ABESIJKMHOPCTYXbGQW" + "aesijopcyxhdqwvrI" + "u",
)
TRADE_MARKS = str.maketrans("", "", "\u2122\u2120\u00ae\u00a9")

# A word that does not follow a digit, where it would be a unit as in 128GB.
WORD = re.compile(r"(?<![^\W_])[^\W\d_][^\W_]*")
WORD_OR_NUMBER = re.compile(r"[^\W_]+")
SENTENCE_START = re.compile(r"(?:^|[.!?:][\"\u201d)]?)\s*[\"\u201c(]?")
# Words in a row without punctuation between them, except for hyphens and slashes.
PHRASE = re.compile(r"[\w\s/-]+")


def fold_letters(text: str) -> str:
    """Return `text` without accents, invisible characters and trade marks, and with Latin letters for look-alikes.

    Letters in other forms, such as full-width ones, become plain ones (Unicode's NFKD).
    """
    if text.isascii():
        return text
    decomposed = unicodedata.normalize("NFKD", text.translate(TRADE_MARKS))
    plain = "".join(letter for letter in decomposed if unicodedata.category(letter) not in ("Mn", "Cf"))
    return plain.translate(LOOK_ALIKES)


def mentioned_names(text: str) -> list[str]:
    """Return the names that `text` mentions, in their order and in folded letters.

    A name is an acronym, a word with a capital letter inside, a capitalised word, or a word in another script than
    Latin. At the beginning of a sentence every word has a capital, so there a common word is not a name.
    """
    text = fold_letters(text)
    starts = {match.end() for match in SENTENCE_START.finditer(text)}
    return [match[0] for match in WORD.finditer(text) if _is_name(match[0], match.start() in starts)]


def _is_name(word: str, begins_sentence: bool) -> bool:
    # Most words end here.
    if len(word) < 2 or (word.isascii() and word.islower()):
        return False
    capitals = sum(map(str.isupper, word))
    if capitals == 1 and begins_sentence and word[0].isupper():
        return not _is_common(word.lower())
    return capitals > 0 or not word.isascii()


def _is_common(word: str) -> bool:
    return word in COMMON_WORDS or _singular(word) in COMMON_WORDS or COMMON_ENDING.search(word) is not None


def unsupported_names(text: str, source: str) -> list[str]:
    """Return the names in `text` that `source` does not have, in their order.

    A name is supported by the same word in small or capital letters, in the singular or the plural, and by two or
    three words in a row: "TaskFlow" by "task flow". An acronym is also supported by the words that it stands for; see
    `_initials`.
    """
    return [name for name in mentioned_names(text) if not _source(source).supports(name)]


class _Source:
    """The names that a source supports. Most names are its words, so the others are found when they are needed."""

    def __init__(self, source: str) -> None:
        self._text = fold_letters(source)
        self._words = WORD_OR_NUMBER.findall(self._text)
        self._singulars = frozenset(map(_singular, self._words))

    @cached_property
    def _joined(self) -> frozenset[str]:
        return frozenset(_joined_words(self._words))

    @cached_property
    def _acronyms(self) -> frozenset[str]:
        return frozenset(_initials(self._text))

    def supports(self, name: str) -> bool:
        singular = _singular(name)
        if singular in self._singulars or singular in self._joined:
            return True
        acronym = name.removesuffix("s")
        expansion = TWO_LETTERS.get(acronym.lower()) if acronym.isupper() else None
        in_words = expansion is not None and f" {expansion}" in f" {' '.join(self._words).lower()}"
        return in_words or acronym in self._acronyms


# The questions and answers on a paper are checked one after the other.
@lru_cache(maxsize=16)
def _source(text: str) -> _Source:
    return _Source(text)


def _joined_words(words: Sequence[str]) -> Iterator[str]:
    """Yield two or three words in a row as one; not with a function word at an end, or "is a" would support ISA."""
    is_function_word = [word.lower() in FUNCTION_WORDS for word in words]
    for length in range(2, MOST_JOINED_WORDS + 1):
        for start in range(len(words) - length + 1):
            if not is_function_word[start] and not is_function_word[start + length - 1]:
                yield _singular("".join(words[start : start + length]))


def _initials(source: str) -> Iterator[str]:
    """Yield the initials of three to eight words in a row, without punctuation between them.

    The initial of a function word is a small letter, and those of the other words are capitals: SoC is a system on
    chip, but "increases such a" is not an ISA.
    """
    for phrase in PHRASE.findall(source):
        letters = "".join(
            word[0].lower() if word.lower() in FUNCTION_WORDS else word[0].upper()
            for word in WORD_OR_NUMBER.findall(phrase)
        )
        for length in ACRONYM_LENGTHS:
            for start in range(len(letters) - length + 1):
                yield letters[start : start + length]


def _singular(word: str) -> str:
    word = word.lower()
    return word[:-1] if word.endswith("s") and len(word) > 2 else word
