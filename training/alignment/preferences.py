"""Make the rows of preference training: an abstract once, then each question, then its chosen and rejected answer."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NotRequired

import torch
from transformers import PreTrainedTokenizerBase

from dataset_builder.corpus.questions import CorpusQuestion
from dataset_builder.token_rows.collator import RowCollator
from dataset_builder.token_rows.row import NO_LOSS, TreeRow, tree_row
from training.alignment.ranking import RankedSamples
from training.data.tokenization import tokenize_answer, tokenize_prompt


@dataclass(frozen=True)
class Preference:
    """A question whose `answer` is preferred to the `rejected` answer."""

    question: CorpusQuestion
    rejected: str


class PreferenceRow(TreeRow):
    """A row of one paper: the completions of each prompt are the chosen answer and the rejected one.

    `reference_log_probs` has for each question the log-probabilities of both answers by the reference model, in nats.
    """

    reference_log_probs: NotRequired[list[list[float]]]


def prefer_best(questions: Sequence[CorpusQuestion], ranked: Mapping[int, RankedSamples]) -> list[Preference]:
    """Return the questions with a best sampled answer and a worse one. `ranked` has the samples by question number."""
    preferences = []
    for number, question in enumerate(questions):
        samples = ranked[number]
        if samples.best and samples.worst is not None:
            preferences.append(Preference(replace(question, answer=samples.best), samples.worst))
    return preferences


def preference_rows(
    preferences: Sequence[Preference], tokenizer: PreTrainedTokenizerBase, max_tokens: int
) -> list[TreeRow]:
    """Return one row for each paper, in the order of each paper's first question.

    With either answer, a question has at most `max_tokens` tokens; a longer one loses the end of its abstract.
    Raises `InputError` if it is too long without an abstract.
    """
    papers: dict[str, list[tuple[list[int], list[list[int]]]]] = {}
    for preference in preferences:
        question = preference.question
        answers = [tokenize_answer(answer, tokenizer) for answer in (question.answer, preference.rejected)]
        prompt = tokenize_prompt(question, tokenizer, max_tokens, max(map(len, answers)))
        papers.setdefault(question.paper_id, []).append((prompt, answers))
    return [tree_row([prompt for prompt, _ in paper], [answers for _, answers in paper]) for paper in papers.values()]


@dataclass(frozen=True)
class PreferenceCollator:
    """Collates rows of preferences, padded on the right to the longest."""

    pad_token_id: int

    def __call__(self, rows: list[PreferenceRow]) -> dict[str, torch.Tensor]:
        """Return the tensors of `RowCollator`, and two tensors on the answers.

        `answer_tokens` (answers,) has the number of tokens of each answer in the order of the rows: chosen, rejected,
        chosen, ... `reference_log_probs` is (questions, 2); without rows that have it, it is empty.
        """
        references = [pair for row in rows for pair in row.get("reference_log_probs", [])]
        return {
            **RowCollator(self.pad_token_id)(rows),
            "answer_tokens": torch.tensor([count for row in rows for count in _answer_tokens(row)]),
            "reference_log_probs": torch.tensor(references),
        }


def _answer_tokens(row: TreeRow) -> list[int]:
    columns = zip(row["parts"], row["branches"], row["labels"], strict=True)
    return list(Counter((part, branch) for part, branch, label in columns if label != NO_LOSS).values())
