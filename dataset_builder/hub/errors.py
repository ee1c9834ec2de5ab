"""What the Hub refuses, said as one message with its remedy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from traceback import walk_tb

from dataset_builder.errors import InputError

AGAIN = "nothing half done is visible there; run the same command again to complete it"
TOKENS = "https://huggingface.co/settings/tokens"
# hf_xet has a message in the place of a status.
XET_STATUS = re.compile(r"HTTP status \w+ error \((\d{3})")
# The functions of huggingface_hub that call it.
XET_CALLS = {"_upload_xet_files", "xet_get"}


@contextmanager
def translate_hub_errors(repo_id: str, repo_type: str, again: str = AGAIN) -> Iterator[None]:
    """Turn the client's errors into `InputError`s that say what to do. No message holds the token.

    `again` says what is there when one of these requests fails, and how to go on.
    """
    from huggingface_hub import errors

    try:
        yield
    except InputError:
        raise
    except Exception as error:  # the client's errors share no class; what is not the Hub's doing is raised as it is
        cause = error
        # An upload that failed comes wrapped, without the reason in its message.
        while not isinstance(cause, errors.HTTPError) and cause.__cause__ is not None:
            cause = cause.__cause__
        place = f"{repo_type} {repo_id}"
        if isinstance(cause, errors.OfflineModeIsEnabled):
            message = f"{place}: HF_HUB_OFFLINE is set, so nothing is asked of the Hub; unset it"
        elif isinstance(cause, errors.HfHubHTTPError):
            message = f"{place}: {_refusal(cause, again)}"
        elif isinstance(cause, OSError | RuntimeError) and _is_of_xet(error):
            message = f"{place}: {_xet_refusal(cause, again)}"
        elif isinstance(cause, errors.HTTPError):
            message = f"{place}: the connection to the Hub failed ({cause}); {again}"
        elif isinstance(cause, ValueError) and "Invalid metadata" in str(cause):
            message = (
                f"{place}: the Hub refuses the card's metadata ({' '.join(str(cause).split())}); nothing was sent"
            )
        else:
            raise
        if again != AGAIN and again not in message:
            message = f"{message}; {again}"
        raise InputError(message) from error


def _is_of_xet(error: BaseException) -> bool:
    """Tell whether an error came up in a call of hf_xet, which raises Python's own classes."""
    raised: BaseException | None = error
    while raised is not None:
        if any(frame.f_code.co_name in XET_CALLS for frame, _ in walk_tb(raised.__traceback__)):
            return True
        raised = raised.__cause__
    return False


def _xet_refusal(error: Exception, again: str) -> str:
    found = XET_STATUS.search(str(error))
    status = int(found[1]) if found else None
    storage = "Xet's storage, where the Hub keeps large files,"
    # hf_xet's XetAuthenticationError is a PermissionError.
    if status in (401, 403) or isinstance(error, PermissionError):
        return (
            f"{storage} is closed to your token ({error}); use a token that may write there, from {TOKENS} "
            "(`hf auth whoami` shows the one in use)"
        )
    if status == 429:
        return f"the limit of requests to {storage} is reached ({error}); wait a while; {again}"
    return f"{storage} failed ({error}); {again}. HF_HUB_DISABLE_XET=1 sends the files without Xet"


def _refusal(error: object, again: str) -> str:
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    status = error.response.status_code
    said = error.server_message or f"it answers {status}"
    if isinstance(error, GatedRepoError):
        return f"is open only to those whom its owners let in ({said}); ask for access on its page on the Hub"
    if isinstance(error, RevisionNotFoundError):
        return "has no such revision; see its commits and tags on the Hub"
    if isinstance(error, RepositoryNotFoundError):
        return (
            "is not on the Hub, or is private and your token may not read it; check the name, and the token "
            "(`hf auth whoami`)"
        )
    if status == 401:
        return (
            f"the Hub does not accept your token ({said}); make a new one at {TOKENS} "
            "and run `hf auth login`, or put it into the variable HF_TOKEN"
        )
    if status == 402 or status == 403:
        return (
            f"your token may not write there ({said}); use a token that may write, or a namespace that is yours "
            "(`hf auth whoami` shows both)"
        )
    if status == 409:
        return f"the Hub says that it conflicts with what is there ({said}); look at the repo, then run it again"
    if status == 412:
        return f"other commits came first each time ({said}); {again}"
    if status == 429:
        wait = error.response.headers.get("retry-after")
        return f"the Hub's limit of requests is reached ({said}); wait {f'{wait} s' if wait else 'a while'}; {again}"
    if status >= 500:
        return f"the Hub has a fault of its own ({status}: {said}); see https://status.huggingface.co; {again}"
    return f"the Hub refuses ({status}: {said})"
