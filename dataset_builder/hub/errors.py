"""Translate errors of the Hub's client into one message with a remedy."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dataset_builder.errors import InputError
from dataset_builder.retry_after import parse_retry_after

if TYPE_CHECKING:
    from huggingface_hub.errors import HfHubHTTPError

# The state after a failed request that only reads, and after one of a push that was begun.
NOTHING_CHANGED = "nothing was changed; run the same command again"
PUSH_INCOMPLETE = "the repo shows nothing of it; run the same command again to complete it"
TOKENS = "https://huggingface.co/settings/tokens"


class HubUnreachableError(InputError):
    """The Hub was not reached: there is no network, or HF_HUB_OFFLINE is set."""


@contextmanager
def translate_hub_errors(
    repo_id: str, repo_type: str, again: str = NOTHING_CHANGED, always: bool = False
) -> Iterator[None]:
    """Turn the client's errors into an `InputError` with a remedy. No message contains the token.

    `again` describes the state after a failed request, and how to continue. The message has it if the same command can
    succeed later, and with `always` in any case.
    """
    from huggingface_hub import errors

    http_error = errors.HTTPError  # type: ignore[attr-defined]  # the HTTP library's, which hub 1 and 2 import there

    try:
        yield
    except InputError:
        raise
    except Exception as error:  # the client's errors share no class; other errors are raised again below
        cause: BaseException = error
        # The client wraps the error of an upload in one without its reason.
        while not isinstance(cause, http_error) and cause.__cause__ is not None:
            cause = cause.__cause__
        error_class = InputError
        if isinstance(cause, errors.OfflineModeIsEnabled):
            error_class = HubUnreachableError
            problem = "HF_HUB_OFFLINE is set, so no request is made; unset it"
        elif isinstance(cause, errors.HfHubHTTPError):
            problem = _http_problem(cause, again)
        elif isinstance(cause, http_error):
            error_class = HubUnreachableError
            problem = f"the connection to the Hub failed ({cause}); {again}"
        elif isinstance(cause, OSError | RuntimeError) and getattr(cause, "errno", None) is None:
            # hf_xet, which transfers large files, raises Python's own classes, and has the reason in the message.
            problem = f"the transfer of a file failed ({cause}); {again}. HF_HUB_DISABLE_XET=1 sends it without Xet"
        elif isinstance(cause, ValueError) and "Invalid metadata" in str(cause):
            problem = f"the Hub refuses the card's metadata ({' '.join(str(cause).split())}); nothing was sent"
        else:
            raise
        if always and again not in problem:
            problem = f"{problem}; {again}"
        raise error_class(f"{repo_type} {repo_id}: {problem}") from error


def _http_problem(error: "HfHubHTTPError", again: str) -> str:
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    status = error.response.status_code
    reason = error.server_message or f"it answers {status}"
    if isinstance(error, GatedRepoError):
        return f"the repo is gated ({reason}); ask its owners for access on its page on the Hub"
    if isinstance(error, RevisionNotFoundError):
        return "has no such revision; see its commits and tags on the Hub"
    if isinstance(error, RepositoryNotFoundError):
        return "is not on the Hub, or is private to others; check the name, and your token (`hf auth whoami`)"
    if status == 401:
        return f"the Hub does not accept your token ({reason}); create a new one at {TOKENS}, then `hf auth login`"
    if status in (402, 403):
        return f"your token has no write access ({reason}); use a token that has, or your own namespace"
    if status in (409, 412):
        return f"another change of the repo came first ({reason}); {again}"
    if status == 429:
        seconds = parse_retry_after(error.response.headers.get("retry-after"))
        wait = "a while" if seconds is None else f"{seconds:.0f} s"
        return f"the Hub's rate limit is reached ({reason}); wait {wait}; {again}"
    if status >= 500:
        return f"the Hub has a fault ({status}: {reason}); see https://status.huggingface.co; {again}"
    return f"the Hub refuses the request ({status}: {reason})"
