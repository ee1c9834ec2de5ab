"""Fixtures of the training tests: the tiny base's tokenizer, and tokenized pairs of the slice."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from training.data.tokenization import TokenizedPair, tokenize_pairs


@pytest.fixture(scope="session")
def tokenizer(tiny_base: Path) -> Any:
    """Return the tiny base's tokenizer, which trained on the slice."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_base)
    tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


@pytest.fixture(scope="session")
def pairs(corpus: Path, tokenizer: Any) -> list[TokenizedPair]:
    """Return pairs of the slice on four papers that have 3, 2, 1 and 3 of them."""
    from dataset_builder.corpus.load import load_corpus_split
    from dataset_builder.corpus.questions import read_questions

    pairs = tokenize_pairs(read_questions(load_corpus_split(str(corpus), None, "train")), tokenizer, 512)
    papers = [list(group) for _, group in groupby(pairs, lambda pair: pair.paper_id)]
    return [pair for paper, count in zip(papers, (3, 2, 1, 3), strict=False) for pair in paper[:count]]
