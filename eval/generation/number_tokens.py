"""Find the tokens of a tokenizer that matter to a number, by the text that each token adds to an answer."""

import copy
import re
from functools import lru_cache
from operator import itemgetter
from typing import cast

import torch
from transformers import PreTrainedTokenizerBase

from eval.generation.number_reader import SEPARATORS

# Tokenizers such as Llama 2's have tokens for bytes; these are the bytes of digits, letters and ",-.". The library
# `tokenizers` decodes bytes in a row that are not UTF-8 as replacement characters, so such a digit could vanish
# from the middle of a number. Such tokenizers have other tokens for these characters.
BYTE_TOKEN = re.compile(r"<0x(?:2[C-E]|3[0-9]|[46][1-9A-F]|[57][0-9A])>")


class NumberTokens:
    """The tokens of a tokenizer by their text, so that digits may be single tokens or parts of longer ones.

    `end_tokens` end an answer. `with_digits` has the tokens with digits, by their first digits; `separators` has the
    tokens without digits that begin with a full stop or a comma. Tokens for single bytes of numbers and names are in
    neither, and are always masked.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, end_tokens: tuple[int, ...]) -> None:
        # Some tokenizers drop the space of the first token, so each token is decoded behind another one.
        first = tokenizer.encode("a", add_special_tokens=False)[-1]
        start = len(decode_tokens(tokenizer, [first]))
        names = {token: name for name, token in sorted(tokenizer.get_vocab().items(), key=itemgetter(1))}
        self._texts = {token: decode_tokens(tokenizer, [first, token])[start:] for token in names}
        self.end_tokens = frozenset(end_tokens)
        self.with_digits: dict[str, list[int]] = {}
        self.separators: list[int] = []
        always_masked = []
        for token, text in self._texts.items():
            if BYTE_TOKEN.fullmatch(names[token]):
                always_masked.append(token)
            elif digits := _first_digits(text):
                self.with_digits.setdefault(digits, []).append(token)
            elif text and text[0] in SEPARATORS:
                self.separators.append(token)
        self.longest_digits = max(map(len, self.with_digits), default=0)
        usable = (text for token, text in self._texts.items() if token not in always_masked)
        self._parts = {text for text in usable if text and all(map(_is_part_of_number, text))}
        self._longest_part = max(map(len, self._parts), default=0)
        found = sorted([*always_masked, *(token for group in self.with_digits.values() for token in group)])
        self.columns = torch.tensor(found, dtype=torch.long)
        self._column = {token: column for column, token in enumerate(found)}
        # Whether to mask each of `columns`: a row for each set of allowed tokens. The first row masks nothing.
        self._rows = [torch.zeros(len(self._column), dtype=torch.bool)]
        self._row_numbers: dict[tuple[int, ...], int] = {}

    def with_new_masks(self) -> "NumberTokens":
        """Return the same tokens with no masks yet: every question adds some, and they are never removed."""
        tokens = copy.copy(self)
        tokens._rows = self._rows[:1]
        tokens._row_numbers = {}
        return tokens

    def text(self, token: int) -> str:
        """Return the text that a token adds; empty for an id that the tokenizer does not have."""
        return self._texts.get(token, "")

    def writable_beginnings(self, number: str) -> set[str]:
        """Return the beginnings of a number, and the number, after which tokens can write the rest of the number."""
        can_write_from = [True] * (len(number) + 1)
        for start in reversed(range(len(number))):
            ends = range(start + 1, min(len(number), start + self._longest_part) + 1)
            can_write_from[start] = any(can_write_from[end] and number[start:end] in self._parts for end in ends)
        return {number[:end] for end in range(1, len(number) + 1) if can_write_from[end]}

    def row_number(self, allowed: tuple[int, ...] | None) -> int:
        """Return which row of `masks` allows only the tokens `allowed` of those with digits; None allows all."""
        if allowed is None:
            return 0
        if allowed not in self._row_numbers:
            row = torch.ones(len(self._column), dtype=torch.bool)
            row[[self._column[token] for token in allowed]] = False
            self._row_numbers[allowed] = len(self._rows)
            self._rows.append(row)
        return self._row_numbers[allowed]

    def masks(self, row_numbers: list[list[int]]) -> torch.Tensor:
        """Return the rows with these numbers: (papers, slots, columns)."""
        rows = torch.stack([self._rows[number] for numbers in row_numbers for number in numbers])
        return rows.view(len(row_numbers), len(row_numbers[0]), len(self._column))


@lru_cache(maxsize=8)
def find_number_tokens(tokenizer: PreTrainedTokenizerBase, end_tokens: tuple[int, ...]) -> NumberTokens:
    """Return the tokens of a tokenizer. The demo asks for them with each question, and finding them takes a moment."""
    return NumberTokens(tokenizer, end_tokens)


def decode_tokens(tokenizer: PreTrainedTokenizerBase, tokens: list[int]) -> str:
    """Return the text of tokens with its spaces as they are: removing one could join "2" and ",5" to a number."""
    return cast(str, tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False))


def _first_digits(text: str) -> str:
    start = next((index for index, character in enumerate(text) if character.isdecimal()), len(text))
    end = next((index for index in range(start, len(text)) if not text[index].isdecimal()), len(text))
    return text[start:end]


def _is_part_of_number(character: str) -> bool:
    return character.isdecimal() or character in SEPARATORS
