"""Tokenize question-answer pairs, and put pairs on one paper into a training row.

Several questions share one abstract, which a row of a paper has only once; see `dataset_builder.token_rows.row`. Each
answer is predicted from exactly the tokens that the evaluation gives to the model, unless the abstract is too long: it
is cut at `max_length` in training, and at the length of the model in the evaluation.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from datasets import Dataset, concatenate_datasets
from transformers import AutoConfig, AutoTokenizer, PreTrainedTokenizerBase

from dataset_builder.corpus.questions import CorpusQuestion
from dataset_builder.errors import InputError
from dataset_builder.prompt import build_completion, fit_prompt
from dataset_builder.token_rows.row import TokenizedRow, token_row


@dataclass(frozen=True)
class TokenizedPair:
    """One question-answer pair as token ids: the whole prompt, and the answer with its end-of-sequence token."""

    paper_id: str
    prompt: list[int]
    answer: list[int]


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


def tokenize_pairs(
    questions: Sequence[CorpusQuestion], tokenizer: PreTrainedTokenizerBase, max_tokens: int
) -> list[TokenizedPair]:
    """Return the pairs in the same order, each with at most `max_tokens` tokens.

    A pair that is too long loses the end of its abstract. Raises `InputError` if it is too long without an abstract.
    """
    pairs = []
    for question in questions:
        answer = tokenize_answer(question.answer, tokenizer)
        prompt = tokenize_prompt(question, tokenizer, max_tokens, len(answer))
        pairs.append(TokenizedPair(question.paper_id, prompt, answer))
    return pairs


def tokenize_answer(answer: str, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Return the completion of a prompt, with its end-of-sequence token."""
    # No special tokens: a beginning-of-sequence token would separate the answer from its prompt.
    completion: list[int] = tokenizer(build_completion(answer), add_special_tokens=False)["input_ids"]
    return [*completion, int(tokenizer.eos_token_id)]


def tokenize_prompt(
    question: CorpusQuestion, tokenizer: PreTrainedTokenizerBase, max_tokens: int, answer_tokens: int
) -> list[int]:
    """Return the prompt, which has at most `max_tokens` tokens together with an answer of `answer_tokens`.

    Raises `InputError` as `tokenize_pairs` does.
    """
    room = max_tokens - answer_tokens
    text = fit_prompt(tokenizer, question.instruction, question.context, question.question, room)
    prompt: list[int] = tokenizer(text)["input_ids"]
    if len(prompt) > room:
        raise InputError(
            f"{question.paper_id}, question {question.question[:60]!r}: question and answer have more than "
            f"{max_tokens} tokens without the abstract; leave the pair out, or pass a larger --max_length"
        )
    return prompt


def row_of_pairs(pairs: list[TokenizedPair]) -> TokenizedRow:
    """Return the row of pairs on one paper."""
    return token_row([pair.prompt for pair in pairs], [pair.answer for pair in pairs])


def pad_dataset(rows: Dataset, multiple: int) -> Dataset:
    """Return `rows`, then as many rows without tokens as make the number of rows a multiple of `multiple`.

    They complete the last batches. Without them, several processes would repeat rows there, and torch.compile would
    see another shape.
    """
    missing = -len(rows) % multiple
    empty: dict[str, int | list[int]] = {name: 0 if name == "pairs" else [] for name in rows.features}
    return concatenate_datasets([rows, Dataset.from_list([empty] * missing, rows.features)]) if missing else rows
