"""The rows of training.sft: the same as those made in memory, on disk, and made once."""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path
from typing import Any, Literal

import pytest
from datasets import Dataset, load_from_disk

from dataset_builder.corpus.load import load_corpus_split
from dataset_builder.corpus.questions import read_questions
from dataset_builder.errors import InputError
from tests.training.small_trainers import rows_by_pair, rows_by_paper
from training.data import sft_rows as module
from training.data.sft_rows import sft_rows
from training.data.tokenization import tokenize_pairs
from training.run.folder import rows_sha256


@pytest.fixture
def split(corpus: Path, tmp_path: Path) -> Dataset:
    """Return the training split with its 84 pairs in random order, so that pairs on a paper are apart."""
    rows = list(load_corpus_split(str(corpus), None, "train"))
    random.Random(0).shuffle(rows)
    Dataset.from_list(rows).save_to_disk(tmp_path / "split")
    return load_from_disk(tmp_path / "split")


@pytest.mark.parametrize("unit", ["paper", "pair"])
def test_rows_are_those_made_in_memory(
    unit: Literal["paper", "pair"], split: Dataset, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In batches of five rows, by one process and by two: the same rows in the same order, in a file."""
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 5)
    make = rows_by_paper if unit == "paper" else rows_by_pair
    expected = make(tokenize_pairs(read_questions(split), tokenizer, 512))
    rows = sft_rows(split, tokenizer, 512, unit)
    assert len(rows) == {"paper": 28, "pair": 84}[unit]
    assert list(rows) == list(expected)
    assert rows.cache_files
    for file in rows.cache_files:
        Path(file["filename"]).unlink()
    rows = sft_rows(split, tokenizer, 512, unit, processes=2)
    assert len(rows.cache_files) == 2
    assert list(rows) == list(expected)


@pytest.mark.parametrize("unit", ["paper", "pair"])
def test_pairs_can_be_chosen(unit: Literal["paper", "pair"], split: Dataset, tokenizer: Any) -> None:
    """The rows are those of a split that has only these pairs."""
    pairs = [3, 8, 9, 40, 70]
    make = rows_by_paper if unit == "paper" else rows_by_pair
    expected = make(tokenize_pairs(read_questions(split.select(pairs)), tokenizer, 512))
    assert list(sft_rows(split, tokenizer, 512, unit, pairs)) == list(expected)


def test_rows_are_made_once(split: Dataset, tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second call reads the file; another limit, unit or choice of pairs, or a changed module, makes other rows."""
    first = sft_rows(split, tokenizer, 512, "paper")
    monkeypatch.setattr(module, "tokenize_pairs", lambda *ignored: pytest.fail("tokenized again"))
    again = sft_rows(split, tokenizer, 512, "paper", processes=2)
    assert again.cache_files == first.cache_files
    monkeypatch.setattr(module, "tokenize_pairs", tokenize_pairs)
    others = [sft_rows(split, tokenizer, 200, "paper"), sft_rows(split, tokenizer, 512, "pair")]
    others.append(sft_rows(split, tokenizer, 512, "paper", [0, 1]))
    monkeypatch.setattr(module, "ROW_MODULES", (json,))
    others.append(sft_rows(split, tokenizer, 512, "paper"))
    assert len({rows.cache_files[0]["filename"] for rows in (first, *others)}) == 5


@pytest.mark.parametrize("processes", [None, 2])
def test_pair_that_cannot_fit_is_named(processes: int | None, split: Dataset, tokenizer: Any) -> None:
    """The message of a process that tokenizes is the same."""
    with pytest.raises(InputError, match="question and answer have more than 12 tokens without the abstract"):
        sft_rows(split, tokenizer, 12, "paper", processes=processes)


def test_digest_is_that_of_the_whole_list(split: Dataset, tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """In parts of five rows: runs that were begun with the digest of all rows at once can be resumed."""
    monkeypatch.setattr("training.run.folder.ROWS_AT_ONCE", 5)
    for rows in (sft_rows(split, tokenizer, 512, "paper"), split, split.select([])):
        assert rows_sha256(rows) == hashlib.sha256(json.dumps(rows.to_list()).encode()).hexdigest()
