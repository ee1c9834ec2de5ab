"""Retry requests at the Hub's rate limit."""

import logging
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from dataset_builder.retry_after import parse_retry_after

logger = logging.getLogger(__name__)

# The number of times a request is made before its error is raised.
REQUESTS = 5
# The longest wait in seconds: the Hub counts its limits in windows of five minutes,
# https://huggingface.co/docs/hub/rate-limits.
LONGEST_WAIT = 330

Options = ParamSpec("Options")
Answer = TypeVar("Answer")


def retry_on_rate_limit(request: Callable[Options, Answer], *args: Options.args, **kwargs: Options.kwargs) -> Answer:
    """Return `request(*args, **kwargs)`; if the Hub answers 429, wait as long as it asks and try again.

    The Hub's client does this too for most requests, but not for requests that create a repo, a commit or a tag.
    """
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.utils import parse_ratelimit_headers  # type: ignore[attr-defined]  # not listed in __all__

    for attempt in range(1, REQUESTS):
        try:
            return request(*args, **kwargs)
        except HfHubHTTPError as error:
            headers = error.response.headers
            limits = parse_ratelimit_headers(headers)
            wait = limits.reset_in_seconds if limits else parse_retry_after(headers.get("retry-after"))
            if wait is None:
                wait = 2**attempt
            if error.response.status_code != 429 or wait > LONGEST_WAIT:
                raise
            logger.warning("the Hub's rate limit is reached; retrying in %d s", wait)
            time.sleep(wait)
    return request(*args, **kwargs)
