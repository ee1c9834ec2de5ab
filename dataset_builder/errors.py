"""Report bad input with one message and exit code 2."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


class InputError(ValueError):
    """Bad input: an argument, a file or a repo. The message has the value, the problem and a remedy."""


@contextmanager
def exit_on_input_error() -> Iterator[None]:
    """Turn an `InputError` into a message on standard error and exit code 2, without a traceback."""
    try:
        yield
    except InputError as error:
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(2) from None
