"""Report bad input with one message and exit code 2."""

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class InputError(ValueError):
    """Bad input: an argument, a file or a repo. The message has the value, the problem and a remedy."""


# The operating system's errors for a disk that takes no more data: full, quota, size limit of a file, read-only.
DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}


@contextmanager
def exit_on_input_error() -> Iterator[None]:
    """Turn an `InputError`, and an error of a full disk, into a message on standard error and exit code 2."""
    try:
        yield
    except InputError as error:
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(2) from None
    except Exception as error:
        cause: BaseException | None = error
        # The libraries raise their own errors from the system's.
        while cause is not None and getattr(cause, "errno", None) not in DISK_ERRORS:
            cause = cause.__cause__ or cause.__context__
        if not isinstance(cause, OSError):
            raise
        file = cause.filename or "a file"
        sys.stderr.write(f"error: {file} cannot be written ({cause.strerror}); free some space, then run it again\n")
        raise SystemExit(2) from None
