"""Requests that wait when the Hub asks for it."""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Callable
from typing import TypeVar

logger = logging.getLogger(__name__)

# How often a request is made before its refusal is passed on.
REQUESTS = 5
# The longest wait that is sat out when the Hub asks for one, in seconds: its limits are counted in windows of five
# minutes, https://huggingface.co/docs/hub/rate-limits.
LONGEST_WAIT = 330

Answer = TypeVar("Answer")


def retry_on_rate_limit(ask: Callable[[], Answer]) -> Answer:
    """Return what `ask` returns; where the Hub answers 429, wait as long as it says and ask again.

    The client waits by itself in most of its requests, but not in those that create a repo, a commit or a tag.
    """
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.utils import parse_ratelimit_headers

    for attempt in itertools.count(1):
        try:
            return ask()
        except HfHubHTTPError as error:
            headers = error.response.headers
            limits = parse_ratelimit_headers(headers)
            stated = headers.get("retry-after", "")
            wait = limits.reset_in_seconds if limits else int(stated) if stated.isdecimal() else 2**attempt
            if error.response.status_code != 429 or attempt == REQUESTS or wait > LONGEST_WAIT:
                raise
            logger.warning("the Hub asks to wait; going on in %d s", wait)
            time.sleep(wait)
