"""Read the pause that a server asks for in its Retry-After header."""

from urllib3 import Retry
from urllib3.exceptions import InvalidHeader


def parse_retry_after(value: str | None) -> float | None:
    """Return the seconds that a Retry-After header asks for, or None without a readable header.

    The header holds whole seconds or an HTTP date (RFC 9110, section 10.2.3); a date in the past gives 0.
    """
    try:
        return float(Retry().parse_retry_after(value)) if value else None
    # The last two: a number with thousands of digits, and a date in the year 20152015, for example.
    except (InvalidHeader, ValueError, OverflowError):
        return None
