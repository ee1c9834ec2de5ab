"""Count how much of the test text repeats the training text, by shared 8-grams of words."""

from collections.abc import Iterable, Iterator

from dataset_builder.formats import FileFormat
from dataset_builder.text import words

NGRAM_LENGTH = 8


class Contamination(FileFormat):
    """How far the distinct test texts repeat the training texts.

    `texts` is the number of distinct test texts, `texts_with_shared_ngrams` the number of them that share at least
    one n-gram with the training texts, and `shared_ngram_share` the share (0 to 1) of all their n-grams that the
    training texts have.
    """

    texts: int
    texts_with_shared_ngrams: int
    shared_ngram_share: float


def ngrams(text: str) -> Iterator[tuple[str, ...]]:
    """Yield every run of eight consecutive words of `text`, in lower case and without punctuation."""
    tokens = words(text)
    for start in range(len(tokens) - NGRAM_LENGTH + 1):
        yield tuple(tokens[start : start + NGRAM_LENGTH])


def count_contamination(test_texts: Iterable[str], train_texts: Iterable[str]) -> Contamination:
    """Count the 8-grams that the distinct `test_texts` share with `train_texts`."""
    train_ngrams = {ngram for text in set(train_texts) for ngram in ngrams(text)}
    shares = [[ngram in train_ngrams for ngram in ngrams(text)] for text in set(test_texts)]
    total = sum(map(len, shares))
    return Contamination(
        texts=len(shares),
        texts_with_shared_ngrams=sum(map(any, shares)),
        shared_ngram_share=round(sum(map(sum, shares)) / total, 6) if total else 0.0,
    )
