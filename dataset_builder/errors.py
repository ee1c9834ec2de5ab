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

# The operating system's errors for a disk that takes no more data: full, quota, size limit of a file, read-only.
DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}
# Its errors for a path that cannot be opened: no permission, a folder in place of a file or the reverse, a long name.
PATH_ERRORS = {
    *(errno.EACCES, errno.EPERM, errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG),
}


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
    """Turn an `InputError`, and an error of a full disk or of a path, into a message and exit code 2."""
    try:
        yield
    except InputError as error:
        print_error(str(error))
        raise SystemExit(2) from None
    except Exception as error:
        if isinstance(error, OSError) and error.errno in PATH_ERRORS and error.filename:
            print_error(f"{error.filename}: {error.strerror}; correct the path, or what is there")
            raise SystemExit(2) from None
        cause: BaseException | None = error
        # The libraries raise their own errors from the system's.
        while cause is not None and _system_error(cause) not in DISK_ERRORS:
            cause = cause.__cause__ or cause.__context__
        if cause is None:
            raise
        file = getattr(cause, "filename", None) or "a file"
        print_error(
            f"{file} cannot be written ({cause}); make room or choose another folder, then run the same command again"
        )
        raise SystemExit(2) from None


def _system_error(error: BaseException) -> int | None:
    # safetensors reports a failed write with its own class, and with the number in the text.
    found = re.search(r"\(os error (\d+)\)", str(error))
    return int(found[1]) if found else getattr(error, "errno", None)
