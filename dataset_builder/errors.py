"""Report bad input and an interruption with one message and an exit code: 2 or 130."""

import errno
import json
import os
import re
import signal
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
# The exit code that shells give a program that SIGINT (signal 2) ends: 128 + 2.
INTERRUPTED = 130


class InputError(ValueError):
    """Bad input: an argument, a file or a repo. The message has the value, the problem and a remedy."""


def print_error(message: str) -> None:
    """Write `message` to standard error.

    Under torch's launcher of several processes, only the first process of a machine writes to standard error, and each
    process leaves its message in a file. The launcher prints the file of the process that failed first, as the last
    lines of its report: https://docs.pytorch.org/docs/stable/elastic/errors.html
    """
    file = os.environ.get("TORCHELASTIC_ERROR_FILE")
    if file:
        content = {"message": f"error: {message}", "timestamp": int(time.time())}
        Path(file).write_text(json.dumps(content), encoding="utf-8")
    if not file or os.environ.get("LOCAL_RANK", "0") == "0":
        sys.stderr.write(f"error: {message}\n")


@contextmanager
def exit_on_input_error() -> Iterator[None]:
    """Turn an `InputError`, and an error of a full disk or of a path, into a message and exit code 2.

    Ctrl-C also ends with a message, and with exit code 130. The message says how to continue: by the text of the
    `KeyboardInterrupt`, if it has one.
    """
    try:
        yield
    except InputError as error:
        print_error(str(error))
        raise SystemExit(2) from None
    except KeyboardInterrupt as interruption:
        # The traceback of a second Ctrl-C would follow the message. Launchers send one more than the terminal.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        print_error(f"interrupted: {str(interruption) or 'run the same command again to continue'}")
        raise SystemExit(INTERRUPTED) from None
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
