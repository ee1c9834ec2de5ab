"""Report bad input with one message and exit code 2."""

import errno
import json
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# No space, over the user's quota, over the largest file size that is allowed.
DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


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
    """Turn an `InputError` or a full disk into a message on standard error and exit code 2, without a traceback."""
    try:
        yield
    except InputError as error:
        print_error(str(error))
        raise SystemExit(2) from None
    except Exception as error:
        # safetensors reports a failed write with its own class, and with the number in the text.
        found = re.search(r"\(os error (\d+)\)", str(error))
        if (int(found[1]) if found else getattr(error, "errno", None)) not in DISK_FULL:
            raise
        print_error(f"the disk is full ({error}); free some space, then run the same command again")
        raise SystemExit(2) from None
