"""Make one training row for each paper: the abstract once, then every question with its answer.

The tokens that the prompts of a paper have in common come once (part 0), then the rest of each prompt with its answer
(part 1, 2, ...). A part sees the common tokens and itself, and its positions continue from the common tokens. So a
model computes for each answer what it computes for its prompt alone, and the loss and the gradients equal those of one
row for each pair.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import torch
from datasets import Dataset
from transformers import AutoConfig, AutoTokenizer, PreTrainedTokenizerBase

from dataset_builder.corpus.questions import CorpusQuestion
from dataset_builder.errors import InputError
from dataset_builder.prompt import build_completion, fit_prompt, shared_length

NO_LOSS = -100  # torch's cross entropy ignores this label
PADDING = -1  # the part of padding


class PaperRow(TypedDict):
    """The tokens of a paper; all lists have the same length.

    `labels` are the tokens of the answers, and -100 elsewhere. `parts` is 0 for the common tokens, k for pair k.
    """

    input_ids: list[int]
    labels: list[int]
    position_ids: list[int]
    parts: list[int]


def load_tokenizer(base: Path) -> tuple[PreTrainedTokenizerBase, int]:
    """Return the tokenizer in the folder of a base model, with a padding token, and the model's number of positions.

    The number is very large for a model without a limit. Raises `InputError` if one of them cannot be loaded.
    """
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(base)
        positions: int | None = getattr(AutoConfig.from_pretrained(base), "max_position_embeddings", None)
    except (OSError, ValueError) as error:
        problem = f"its tokenizer or its config.json cannot be loaded ({' '.join(str(error).split())})"
        raise InputError(f"{base}: {problem}; give the folder of a complete model") from error
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer, positions or sys.maxsize


def paper_rows(
    questions: Sequence[CorpusQuestion], tokenizer: PreTrainedTokenizerBase, max_tokens: int
) -> list[PaperRow]:
    """Return one row for each paper, in the order of the papers' first questions.

    Each pair has at most `max_tokens` tokens; a longer one loses the end of its abstract. Raises `InputError` for a
    pair that is too long without an abstract.
    """
    papers: dict[str, list[tuple[list[int], list[int]]]] = {}
    for question in questions:
        papers.setdefault(question.paper_id, []).append(tokenize_pair(question, tokenizer, max_tokens))
    return [paper_row(pairs) for paper_id, pairs in papers.items()]


def tokenize_pair(
    question: CorpusQuestion, tokenizer: PreTrainedTokenizerBase, max_tokens: int
) -> tuple[list[int], list[int]]:
    """Return the token ids of the prompt, and of the answer with its end-of-sequence token."""
    # No special tokens: a beginning-of-sequence token would separate the answer from its prompt.
    answer = tokenizer(build_completion(question.answer), add_special_tokens=False)["input_ids"]
    answer = [*answer, int(tokenizer.eos_token_id)]
    room = max_tokens - len(answer)
    prompt = tokenizer(fit_prompt(tokenizer, question.instruction, question.context, question.question, room))
    if len(prompt["input_ids"]) > room:
        raise InputError(
            f"{question.paper_id}, question {question.question[:60]!r}: question and answer have more than "
            f"{max_tokens} tokens without the abstract; leave the pair out, or pass a larger --max_length"
        )
    return prompt["input_ids"], answer


def paper_row(pairs: Sequence[tuple[list[int], list[int]]]) -> PaperRow:
    """Return the row of a paper's pairs of prompt and answer, which are token ids."""
    # Compare tokens, not text: a tokenizer may join characters across the end of the abstract.
    common = shared_length([prompt for prompt, _ in pairs])
    row = PaperRow(
        input_ids=pairs[0][0][:common],
        labels=[NO_LOSS] * common,
        position_ids=list(range(common)),
        parts=[0] * common,
    )
    for part, (prompt, answer) in enumerate(pairs, start=1):
        own = [*prompt[common:], *answer]
        row["input_ids"] += own
        row["labels"] += [NO_LOSS] * (len(prompt) - common) + answer
        row["position_ids"] += range(common, common + len(own))
        row["parts"] += [part] * len(own)
    return row


def row_lengths(rows: Dataset) -> list[int]:
    """Return the number of tokens of each row."""
    return [len(tokens) for tokens in rows["input_ids"]]


@dataclass(frozen=True)
class RowCollator:
    """Pads rows on the right to the longest, and makes the attention mask that separates the questions of a paper."""

    pad_token_id: int

    def __call__(self, rows: Sequence[PaperRow]) -> dict[str, torch.Tensor]:
        """Return `input_ids`, `labels`, `position_ids` (rows, length), `attention_mask` (rows, 1, length, length)."""
        length = max(len(row["input_ids"]) for row in rows)

        def padded(columns: list[list[int]], padding: int) -> torch.Tensor:
            return torch.tensor([column + [padding] * (length - len(column)) for column in columns])

        return {
            "input_ids": padded([row["input_ids"] for row in rows], self.pad_token_id),
            "labels": padded([row["labels"] for row in rows], NO_LOSS),
            "position_ids": padded([row["position_ids"] for row in rows], 0),
            "attention_mask": attention_mask(padded([row["parts"] for row in rows], PADDING)),
        }


def attention_mask(parts: torch.Tensor) -> torch.Tensor:
    """Return which tokens each token sees, for parts (rows, length): (rows, 1, length, length), bool.

    A token sees itself and the earlier tokens of part 0 and of its own part. Padding comes last in a row and sees
    tokens by the same rule, which keeps the softmax finite; no token sees padding.
    """
    length = parts.shape[1]
    earlier = torch.ones(length, length, dtype=torch.bool).tril()
    return (earlier & ((parts[:, None, :] == 0) | (parts[:, None, :] == parts[:, :, None])))[:, None]
