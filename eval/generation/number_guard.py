"""Allow a number in an answer only if the abstract or the question has the same number.

The guard masks each token that would begin or continue another number. In the middle of a number it masks everything
but the number's continuation. Numbers in words are not guarded.
"""

from collections.abc import Sequence
from typing import cast

import torch
from transformers import LogitsProcessor

from eval.generation.number_reader import START, Position, read_character, read_numbers
from eval.generation.number_tokens import NumberTokens

# Stands for every stem with which no name of the source begins.
UNKNOWN_STEM = "?"


class NumberGuard:
    """Knows the numbers that the answer to one question may have: those of its `source`, the abstract and question.

    An ordinary number must be an ordinary number of the source. A number in a name must be the number of such a name
    if the source has one (4 after DDR if it has DDR4), else any number of the source. A number is begun only if the
    tokens can complete it.
    """

    def __init__(self, source: str, tokens: NumberTokens) -> None:
        self.tokens = tokens
        self._whole: dict[str, set[str]] = {"": set(), UNKNOWN_STEM: set()}
        for stem, number in read_numbers(source):
            self._whole.setdefault(stem, set()).add(number)
            self._whole[UNKNOWN_STEM].add(number)
        self._begun = {
            stem: set().union(*map(tokens.writable_beginnings, numbers)) for stem, numbers in self._whole.items()
        }
        self._stems = {stem[:end] for stem in self._whole for end in range(len(stem) + 1)}
        # Only these tokens with digits can be allowed: their first digits are part of a number of the source.
        self._candidates = sorted(
            {
                token
                for number in self._whole[UNKNOWN_STEM]
                for start in range(len(number))
                for end in range(start + 1, min(len(number), start + tokens.longest_digits) + 1)
                for token in tokens.with_digits.get(number[start:end], ())
            }
        )
        self._allowed: dict[Position, tuple[int, ...]] = {}

    def read(self, position: Position, text: str) -> Position:
        """Return the position after more text."""
        for character in text:
            position = self._read_character(position, character)
        return position

    def is_complete(self, position: Position) -> bool:
        """Return whether an answer may end here: not in the middle of a number."""
        return not position.number or position.number in self._numbers(self._whole, position)

    def allowed_tokens(self, position: Position) -> tuple[int, ...]:
        """Return the tokens with digits that may follow; in the middle of a number, all tokens that may follow."""
        if position not in self._allowed:
            others = [] if self.is_complete(position) else self.tokens.separators
            candidates = [*self._candidates, *others]
            self._allowed[position] = tuple(token for token in candidates if self._may_follow(position, token))
        return self._allowed[position]

    def cut_at_foreign_number(self, text: str) -> str:
        """Return an answer up to the first number that is not allowed.

        That is a number at the end of an answer that is cut off in the middle of the number. It is also a digit of
        another script that several tokens for bytes write together, since the text of such a token is not known.
        """
        position = START
        for index, character in enumerate(f"{text} "):  # the space ends the last number
            following = self._read_character(position, character)
            if not following.run.startswith(position.run) and not self.is_complete(position):
                return text[: index - len(position.run)].rstrip()
            position = following
        return text

    def _read_character(self, position: Position, character: str) -> Position:
        position = read_character(position, character)
        # One stem for all that do not matter: so few positions differ, and their allowed tokens are found once.
        return position if position.stem in self._stems else position._replace(stem=UNKNOWN_STEM)

    def _may_follow(self, position: Position, token: int) -> bool:
        if token in self.tokens.end_tokens:
            return self.is_complete(position)
        for character in self.tokens.text(token):
            following = self._read_character(position, character)
            if not following.run.startswith(position.run) and not self.is_complete(position):
                return False
            position = following
        return self.is_complete(position) or position.run in self._numbers(self._begun, position)

    def _numbers(self, numbers: dict[str, set[str]], position: Position) -> set[str]:
        return numbers.get(position.stem, numbers[UNKNOWN_STEM])


class GuardedAnswer:
    """An answer that is being generated with a guard."""

    def __init__(self, guard: NumberGuard) -> None:
        self.guard = guard
        self.position = START

    @property
    def is_complete(self) -> bool:
        """Return whether the answer may end here."""
        return self.guard.is_complete(self.position)

    @property
    def allowed_tokens(self) -> tuple[int, ...]:
        """Return the tokens with digits that may follow; in the middle of a number, all tokens that may follow."""
        return self.guard.allowed_tokens(self.position)

    def append(self, token: int) -> None:
        """Read the next token of the answer."""
        self.position = self.guard.read(self.position, self.guard.tokens.text(token))


def mask_numbers(logits: torch.Tensor, answers: Sequence[Sequence[GuardedAnswer | None]]) -> torch.Tensor:
    """Return `logits` (papers, slots, vocabulary) with minus infinity for the tokens that may not follow.

    `answers` has the answer of each slot; None for an empty slot. All guards have the same tokens.
    """
    found = [answer for paper in answers for answer in paper if answer]
    if not found:
        return logits
    tokens = found[0].guard.tokens
    rows = [
        [tokens.row_number(answer.allowed_tokens if answer and answer.is_complete else None) for answer in paper]
        for paper in answers
    ]
    columns = tokens.columns.to(logits.device)
    digits = logits.index_select(-1, columns).masked_fill(tokens.masks(rows).to(logits.device), -torch.inf)
    masked = logits.index_copy(-1, columns, digits)
    for paper, paper_answers in enumerate(answers):
        for slot, answer in enumerate(paper_answers):
            if answer and not answer.is_complete:
                allowed = list(answer.allowed_tokens)
                masked[paper, slot] = -torch.inf
                masked[paper, slot, allowed] = logits[paper, slot, allowed]
    return masked


class NumberGuardProcessor(LogitsProcessor):
    """The guard for transformers' `generate`, for answers after a prompt of `prompt_length` tokens."""

    def __init__(self, guard: NumberGuard, prompt_length: int) -> None:
        self._guard = guard
        self._prompt_length = prompt_length

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        """Return the `scores` (rows, vocabulary) of the next token, masked; `input_ids` has prompt and answer."""
        answers = [GuardedAnswer(self._guard) for _ in input_ids]
        # Beams move from row to row, so every row is read from its beginning.
        for answer, tokens in zip(answers, input_ids[:, self._prompt_length :].tolist(), strict=True):
            for token in tokens:
                answer.append(token)
        return cast(torch.FloatTensor, mask_numbers(scores[None], [answers])[0])
