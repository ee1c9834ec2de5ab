"""Count how far the test texts of a corpus repeat its training texts."""

from collections.abc import Collection, Iterable

from dataset_builder.corpus.rows import CorpusRow
from dataset_builder.formats import FileFormat
from dataset_builder.text import ngrams


class Contamination(FileFormat):
    """How far the distinct test texts repeat the training texts, by shared runs of eight words (n-grams).

    `texts` is the number of distinct test texts, `texts_with_shared_ngrams` the number of them that share at least
    one n-gram with the training texts, and `shared_ngram_share` the share (0 to 1) of all their n-grams that the
    training texts have.
    """

    texts: int
    texts_with_shared_ngrams: int
    shared_ngram_share: float


class ConfigContamination(FileFormat):
    """The contamination of one config's test split by its training split."""

    contexts: Contamination
    answers: Contamination


def count_config_contamination(test: Collection[CorpusRow], train: Collection[CorpusRow]) -> ConfigContamination:
    """Count the contamination of a config's test rows by its training rows."""
    test_contexts, train_contexts = ({row.context or "" for row in rows} for rows in (test, train))
    return ConfigContamination(
        contexts=count_contamination(test_contexts, train_contexts),
        answers=count_contamination([row.answer for row in test], [row.answer for row in train]),
    )


def count_contamination(test_texts: Iterable[str], train_texts: Iterable[str]) -> Contamination:
    """Count the n-grams that the distinct `test_texts` share with `train_texts`."""
    in_train = {ngram for text in set(train_texts) for ngram in ngrams(text)}
    by_text = [list(ngrams(text)) for text in set(test_texts)]
    shared = [sum(ngram in in_train for ngram in found) for found in by_text]
    total = sum(map(len, by_text))
    return Contamination(
        texts=len(by_text),
        texts_with_shared_ngrams=sum(count > 0 for count in shared),
        shared_ngram_share=round(sum(shared) / total, 6) if total else 0.0,
    )
