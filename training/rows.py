"""The rows that a trainer reads: one prompt and completion for each question-answer pair."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataset_builder.prompt import build_completion, fit_prompt

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedTokenizerBase


def prompt_completion_rows(split: Dataset, tokenizer: PreTrainedTokenizerBase, max_tokens: int) -> Dataset:
    """Return a dataset of `prompt` and `completion` in the order of `split`, each row in at most `max_tokens` tokens.

    TRL takes the loss on the completion alone and appends the end-of-sequence token. A row that is too long loses the
    end of its abstract: TRL's own truncation would cut the answer off.
    """
    from datasets import Dataset

    rows = []
    for row in split:
        completion = build_completion(row["answer"])
        room = max_tokens - len(tokenizer(completion)["input_ids"]) - 1
        prompt = fit_prompt(tokenizer, row["instruction"], row["context"], row["question"], room)
        rows.append({"prompt": prompt, "completion": completion})
    return Dataset.from_list(rows)
