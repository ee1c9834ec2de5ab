"""Compute ROUGE-L with the library rouge_score (Lin 2004, https://aclanthology.org/W04-1013)."""

from functools import lru_cache

from rouge_score.rouge_scorer import RougeScorer
from rouge_score.tokenizers import DefaultTokenizer

# More different words than the answers to the questions of a large corpus have.
KEPT_WORDS = 100_000


class CachingTokenizer:
    """The library's tokenizer with Porter's stemmer. It stems a word once, since stemming takes most of the time."""

    def __init__(self) -> None:
        self._stems = lru_cache(maxsize=KEPT_WORDS)(DefaultTokenizer(use_stemmer=True).tokenize)

    def tokenize(self, text: str) -> list[str]:
        """Return the stems of a text."""
        return [stem for word in text.split() for stem in self._stems(word)]


class RougeL:
    """ROUGE-L with stemming."""

    def __init__(self) -> None:
        self._scorer = RougeScorer(["rougeL"], tokenizer=CachingTokenizer())

    def f_measure(self, answer: str, reference: str) -> float:
        """Return the F-measure of the longest common subsequence of stems, from 0 to 1."""
        return float(self._scorer.score(reference, answer)["rougeL"].fmeasure)
