"""Tokenize question-answer pairs into training rows: one row for each pair, or one for each paper with all its pairs.

Several questions share one abstract. In a row of a paper, the tokens that its prompts have in common come once, then
the rest of each prompt with its answer. Such a part sees the common tokens and itself, but not the other parts, and
its positions continue from the common tokens. So each answer is predicted from exactly the tokens that the evaluation
gives to the model.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from datasets import Dataset, concatenate_datasets
from transformers import AutoConfig, AutoTokenizer, PreTrainedTokenizerBase

from dataset_builder.corpus.questions import CorpusQuestion
from dataset_builder.errors import InputError
from dataset_builder.hub.card_checks import is_hub_id
from dataset_builder.packaged_models import how_to_write
from dataset_builder.prompt import build_completion, fit_prompt
from eval.generation.shared_prefix import shared_length

NO_LOSS = -100  # torch's cross entropy and TRL ignore this label


@dataclass(frozen=True)
class TokenizedPair:
    """One question-answer pair as token ids: the whole prompt, and the answer with its end-of-sequence token."""

    paper_id: str
    prompt: list[int]
    answer: list[int]


class TokenizedRow(TypedDict):
    """A training row. All lists have the same length.

    `labels` are the tokens of the answers and their end-of-sequence tokens, and -100 elsewhere. `parts` is 0 for the
    common tokens and 1, 2, ... for the questions. `pairs` is the number of questions.
    """

    input_ids: list[int]
    labels: list[int]
    position_ids: list[int]
    parts: list[int]
    pairs: int


def load_tokenizer(base: str) -> tuple[PreTrainedTokenizerBase, int]:
    """Return the tokenizer of a base model, with a padding token, and the number of positions that the model has."""
    if not Path(base).is_dir() and not is_hub_id(base):
        raise InputError(
            f"model_name_or_path {base!r}: no such folder; give the folder of a model, or a Hub id ORG/NAME"
            f"{how_to_write(base)}"
        )
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(base)
        positions: int = AutoConfig.from_pretrained(base).max_position_embeddings
    except (OSError, ValueError) as error:
        raise InputError(
            f"model_name_or_path {base!r}: cannot be loaded from the Hub or its cache, and is not a folder here "
            f"({' '.join(str(error).split())}); check the name and the network, or give the folder of a model"
        ) from error
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer, positions


def tokenize_pairs(
    questions: Sequence[CorpusQuestion], tokenizer: PreTrainedTokenizerBase, max_tokens: int
) -> list[TokenizedPair]:
    """Return the pairs in the same order, each with at most `max_tokens` tokens.

    A pair that is too long loses the end of its abstract. Raises `InputError` if it is too long without an abstract.
    """
    pairs = []
    for question in questions:
        # No special tokens: a beginning-of-sequence token would separate the answer from its prompt.
        answer = tokenizer(build_completion(question.answer), add_special_tokens=False)["input_ids"]
        answer = [*answer, tokenizer.eos_token_id]
        room = max_tokens - len(answer)
        prompt = tokenizer(fit_prompt(tokenizer, question.instruction, question.context, question.question, room))
        if len(prompt["input_ids"]) > room:
            raise InputError(
                f"{question.paper_id}, question {question.question[:60]!r}: question and answer have more than "
                f"{max_tokens} tokens without the abstract; leave the pair out, or pass a larger --max_length"
            )
        pairs.append(TokenizedPair(question.paper_id, prompt["input_ids"], answer))
    return pairs


def rows_by_pair(pairs: list[TokenizedPair]) -> Dataset:
    """Return a dataset with one row for each pair."""
    return Dataset.from_list([_row([pair]) for pair in pairs])


def rows_by_paper(pairs: list[TokenizedPair]) -> Dataset:
    """Return a dataset with one row for each paper, in the order of each paper's first pair."""
    papers: dict[str, list[TokenizedPair]] = {}
    for pair in pairs:
        papers.setdefault(pair.paper_id, []).append(pair)
    return Dataset.from_list([_row(paper) for paper in papers.values()])


def pad_dataset(rows: Dataset, multiple: int) -> Dataset:
    """Return `rows`, then as many rows without tokens as make the number of rows a multiple of `multiple`.

    They complete the last batches. Without them, several processes would repeat rows there, and torch.compile would
    see another shape.
    """
    missing = -len(rows) % multiple
    empty = TokenizedRow(input_ids=[], labels=[], position_ids=[], parts=[], pairs=0)
    return concatenate_datasets([rows, Dataset.from_list([empty] * missing, rows.features)]) if missing else rows


def _row(pairs: list[TokenizedPair]) -> TokenizedRow:
    # Compare tokens, not text: a tokenizer may join characters across the end of the abstract.
    common = shared_length([pair.prompt for pair in pairs])
    ids = pairs[0].prompt[:common]
    labels = [NO_LOSS] * common
    positions = list(range(common))
    parts = [0] * common
    for number, pair in enumerate(pairs, start=1):
        rest = pair.prompt[common:]
        length = len(rest) + len(pair.answer)
        ids += rest + pair.answer
        labels += [NO_LOSS] * len(rest) + pair.answer
        positions += range(common, common + length)
        parts += [number] * length
    return TokenizedRow(input_ids=ids, labels=labels, position_ids=positions, parts=parts, pairs=len(pairs))
