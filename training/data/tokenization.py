"""The rows that a trainer reads, as token ids: a row a question-answer pair, or a row a paper with all its pairs.

Several questions share one abstract. In a row a paper the tokens that their prompts have in common stand once, then
come the rest of each prompt and its answer. A part sees the common tokens and itself, not its siblings, and its
positions go on from the common tokens: each answer is predicted from exactly the tokens that evaluation gives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dataset_builder.errors import InputError
from dataset_builder.prompt import build_completion, fit_prompt
from eval.generation.shared_prefix import shared_length

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedTokenizerBase

NO_LOSS = -100  # the label that torch's cross entropy and TRL leave out of the loss


@dataclass(frozen=True)
class TokenizedPair:
    """One question-answer pair as token ids: the whole prompt, and the answer with its end-of-sequence token."""

    paper_id: str
    prompt: list[int]
    answer: list[int]


def tokenize_pairs(split: Dataset, tokenizer: PreTrainedTokenizerBase, max_tokens: int) -> list[TokenizedPair]:
    """Return the pairs of `split` in its order, each in at most `max_tokens` tokens.

    A pair that is too long loses the end of its abstract. Raises `InputError` for one that is too long without it.
    """
    pairs = []
    for row in split:
        # No special tokens: the answer follows its prompt, and a beginning-of-sequence token would stand between them.
        answer = tokenizer(build_completion(row["answer"]), add_special_tokens=False)["input_ids"]
        answer = [*answer, tokenizer.eos_token_id]
        room = max_tokens - len(answer)
        prompt = tokenizer(fit_prompt(tokenizer, row["instruction"], row["context"], row["question"], room))
        if len(prompt["input_ids"]) > room:
            raise InputError(
                f"{row['paper_id']}, question {row['question'][:60]!r}: question and answer alone are over "
                f"{max_tokens} tokens; leave the pair out, or pass a larger --max_length"
            )
        pairs.append(TokenizedPair(row["paper_id"], prompt["input_ids"], answer))
    return pairs


def rows_by_pair(pairs: list[TokenizedPair]) -> Dataset:
    """Return a dataset of one row a pair, with the columns that `rows_by_paper` describes."""
    return _dataset([[pair] for pair in pairs])


def rows_by_paper(pairs: list[TokenizedPair]) -> Dataset:
    """Return a dataset of one row a paper, in the order of each paper's first pair.

    Columns, each a list of the row's length but for the last: `input_ids`; `labels`, which hold the answers and their
    end-of-sequence tokens and are -100 elsewhere; `position_ids`; `parts`, 0 for the common tokens and 1, 2, ... for
    the questions; `pairs`, how many there are.
    """
    papers: dict[str, list[TokenizedPair]] = {}
    for pair in pairs:
        papers.setdefault(pair.paper_id, []).append(pair)
    return _dataset(list(papers.values()))


def pad_dataset(rows: Dataset, multiple: int) -> Dataset:
    """Return `rows` and behind them as many without tokens as make their number a multiple of `multiple`.

    They complete the last batches: several processes would repeat rows there, and torch.compile meet another shape.
    """
    from datasets import Dataset, concatenate_datasets

    empty = {"input_ids": [], "labels": [], "position_ids": [], "parts": [], "pairs": 0}
    missing = -len(rows) % multiple
    return concatenate_datasets([rows, Dataset.from_list([empty] * missing, rows.features)]) if missing else rows


def _dataset(groups: list[list[TokenizedPair]]) -> Dataset:
    from datasets import Dataset

    return Dataset.from_list([_row(group) for group in groups])


def _row(pairs: list[TokenizedPair]) -> dict[str, Any]:
    # Tokens are compared, not text, for a tokenizer may join characters over the end of the abstract.
    common = shared_length([pair.prompt for pair in pairs])
    ids = pairs[0].prompt[:common]
    labels = [NO_LOSS] * common
    positions = list(range(common))
    parts = [0] * common
    for number, pair in enumerate(pairs, start=1):
        own = pair.prompt[common:]
        length = len(own) + len(pair.answer)
        ids += own + pair.answer
        labels += [NO_LOSS] * len(own) + pair.answer
        positions += range(common, common + length)
        parts += [number] * length
    return {"input_ids": ids, "labels": labels, "position_ids": positions, "parts": parts, "pairs": len(pairs)}
