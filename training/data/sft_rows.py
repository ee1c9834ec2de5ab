"""Make the training rows of a corpus split as an Arrow file, which all processes map into their memory.

The first process tokenizes and writes the file to the cache of `datasets`. The other processes, and later runs on the
same rows, read it from there. At no time does the memory of a process hold all rows as Python lists.
"""

import inspect
import sys
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from datasets import Dataset, Features, List, Value
from datasets.fingerprint import Hasher
from transformers import PreTrainedTokenizerBase

from dataset_builder import prompt
from dataset_builder.corpus import questions
from dataset_builder.corpus.questions import read_questions
from dataset_builder.token_rows import row
from training.data import tokenization
from training.data.tokenization import row_of_pairs, tokenize_pairs

# A batch of rows is in memory as Python lists: about 80 kB for a paper with three pairs.
ROWS_AT_ONCE = 200
TOKENS = List(Value("int32"))
FEATURES = Features(
    {"input_ids": TOKENS, "labels": TOKENS, "position_ids": TOKENS, "parts": TOKENS, "pairs": Value("int32")}
)
# The modules that decide the tokens of a row. A change in them makes new rows: `datasets` knows a function by its name
# only.
ROW_MODULES = (prompt, questions, row, tokenization, sys.modules[__name__])


def sft_rows(
    split: Dataset,
    tokenizer: PreTrainedTokenizerBase,
    max_tokens: int,
    unit: Literal["paper", "pair"],
    pairs: list[int] | None = None,
    processes: int | None = None,
) -> Dataset:
    """Return the rows of a split: one for each paper in the order of the papers' first pairs, or one for each pair.

    Call it in the first process before the others (`TrainingArguments.main_process_first`). `split` is what
    `load_corpus_split` returned. `pairs` are the numbers of the pairs to take; None takes all. `processes` is the
    number of processes that tokenize; None is this process only.

    Raises `InputError` for a pair that has more than `max_tokens` tokens without its abstract.
    """
    key = Hasher.hash([split.cache_files, tokenizer, max_tokens, unit, pairs, *map(inspect.getsource, ROW_MODULES)])
    numbers = _pair_numbers(split, unit, pairs)
    rows: Dataset = numbers.map(
        _tokenize_rows,
        fn_kwargs={"split": split, "tokenizer": tokenizer, "max_tokens": max_tokens},
        batched=True,
        batch_size=ROWS_AT_ONCE,
        num_proc=processes,
        features=FEATURES,
        remove_columns=numbers.column_names,
        cache_file_name=str(Path(split.cache_files[0]["filename"]).with_name(f"cache-{key}.arrow")),
        new_fingerprint=key,
        desc="training rows",
    )
    return rows


def _pair_numbers(split: Dataset, unit: Literal["paper", "pair"], pairs: list[int] | None) -> Dataset:
    """Return a dataset with the column `numbers`: for each training row, the numbers of its pairs in `split`."""
    taken = np.arange(len(split)) if pairs is None else np.array(pairs)
    if unit == "pair":
        papers = np.arange(len(taken))
    else:
        ids = split.select_columns("paper_id").with_format("arrow")[:]["paper_id"].combine_chunks().take(taken)
        # Papers are numbered in the order of their first pairs.
        papers = ids.dictionary_encode().indices.to_numpy()
    bounds = np.concatenate([[0], np.cumsum(np.bincount(papers))])
    in_order = taken[np.argsort(papers, kind="stable")]
    return Dataset.from_dict({"numbers": pa.LargeListArray.from_arrays(bounds, in_order)})


def _tokenize_rows(
    batch: dict[str, list[list[int]]], split: Dataset, tokenizer: PreTrainedTokenizerBase, max_tokens: int
) -> dict[str, list[Any]]:
    questions = read_questions(split.select([number for numbers in batch["numbers"] for number in numbers]))
    pairs = iter(tokenize_pairs(questions, tokenizer, max_tokens))
    rows: list[Any] = [row_of_pairs(list(islice(pairs, len(numbers)))) for numbers in batch["numbers"]]
    return {name: [row[name] for row in rows] for name in FEATURES}
