"""Report bad input with one message and exit code 2."""

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class InputError(ValueError):
    """Bad input: an argument, a file or a repo. The message has the value, the problem and a remedy."""


def print_error(message: str) -> None:
    """Write `message` to standard error.

    Under torch's launcher of several processes, also leave it in the file whose message the launcher prints last:
    https://docs.pytorch.org/docs/stable/elastic/errors.html
    """
    sys.stderr.write(f"error: {message}\n")
    if file := os.environ.get("TORCHELASTIC_ERROR_FILE"):
        content = {"message": f"error: {message}", "timestamp": int(time.time())}
        Path(file).write_text(json.dumps(content), encoding="utf-8")


@contextmanager
def exit_on_input_error() -> Iterator[None]:
    """Turn an `InputError` into a message on standard error and exit code 2, without a traceback."""
    try:
        yield
    except InputError as error:
        print_error(str(error))
        raise SystemExit(2) from None
