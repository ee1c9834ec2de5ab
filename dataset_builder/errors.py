"""What a command says of bad input: one message and exit code 2."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


class InputError(ValueError):
    """Input that breaks a rule of the project. The message names the value, the rule and the remedy."""


@contextmanager
def exit_on_input_error() -> Iterator[None]:
    """Turn an `InputError` into its message on standard error and exit code 2, without a traceback."""
    try:
        yield
    except InputError as error:
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(2) from None
