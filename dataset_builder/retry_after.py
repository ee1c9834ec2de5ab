"""Read the pause that a server asks for in its Retry-After header."""

import math
import time
from datetime import UTC
from email.utils import parsedate_to_datetime


def parse_retry_after(value: str | None, now: float | None = None) -> float | None:
    """Return the seconds from `now` that a Retry-After header asks for, or None without a readable header.

    The header holds seconds or an HTTP date (RFC 9110, section 10.2.3); a date in the past gives 0. `now` is in
    seconds since the epoch; the default is the present.
    """
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            date = parsedate_to_datetime(value)
        # OverflowError: a number of twenty digits, in the year for example.
        except (ValueError, OverflowError):
            return None
        # A date with the zone "-0000" has no time zone in Python; the header's dates are in UTC.
        date = date if date.tzinfo else date.replace(tzinfo=UTC)
        seconds = date.timestamp() - (time.time() if now is None else now)
    return max(0.0, seconds) if math.isfinite(seconds) else None
