"""Read the numbers of a text character by character, so that an answer can be checked while it is generated.

A number is a run of digits that may have a full stop or a comma between two digits: 64, 2.5, 1,024. A full stop that
follows neither a letter nor a digit belongs to the digits after it, as in .5. Units, percent signs and signs do not
belong to a number. A number that follows a letter is part of a name: 4 in DDR4, 2 in GPT-2. The upper end of a range
such as 2x-3x is an ordinary number.
"""

import string
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

LETTERS = frozenset(string.ascii_letters)
SEPARATORS = ".,"


class Position(NamedTuple):
    """What has been read of the present number and of the name before it.

    - run: the digits and separators of the present number, which may end with a separator; empty outside a number.
    - stem: the letters of the name that the number belongs to, in lower case; empty if it is an ordinary number.
    - is_linked: a hyphen or full stop follows the stem.
    - is_unit: the stem follows an ordinary number, as in 2x.
    """

    run: str = ""
    stem: str = ""
    is_linked: bool = False
    is_unit: bool = False

    @property
    def number(self) -> str:
        """Return the present number without a separator at its end; empty outside a number."""
        return self.run.rstrip(SEPARATORS)


START = Position()


@lru_cache(maxsize=100_000)
def read_character(position: Position, character: str) -> Position:
    """Return the position after one more character. The present number continues if `run` becomes longer."""
    run, stem, is_linked, is_unit = position
    if character.isdecimal():
        return Position(run + character, stem)
    follows_digit = run[-1:].isdecimal()
    if follows_digit and character in SEPARATORS:
        return Position(run + character, stem)
    if character in LETTERS:
        letter = character.lower()
        if follows_digit:
            return Position(stem=letter, is_unit=not stem)
        if run or is_linked:
            return Position(stem=letter)
        return Position(stem=stem + letter, is_unit=is_unit)
    follows_letter = bool(stem) and not run and not is_linked
    if follows_letter and (character == "." or (character == "-" and not is_unit)):
        return Position(stem=stem, is_linked=True)
    return Position(run=".") if character == "." and not follows_digit else START


def read_numbers(text: str) -> Iterator[tuple[str, str]]:
    """Yield the stem and the digits with separators of each number of a text."""
    position = START
    for character in text:
        following = read_character(position, character)
        if position.number and not following.run.startswith(position.run):
            yield position.stem, position.number
        position = following
    if position.number:
        yield position.stem, position.number
