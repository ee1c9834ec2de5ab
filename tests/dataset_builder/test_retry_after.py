"""The Retry-After header: seconds, a date, and what is neither."""

from __future__ import annotations

import pytest

from dataset_builder.retry_after import parse_retry_after

# Wed, 21 Oct 2015 07:28:00 GMT in seconds since the epoch.
NOW = 1445412480.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        ("1.5", 1.5),
        ("-3", 0.0),
        ("Wed, 21 Oct 2015 07:30:00 GMT", 120.0),
        ("Wed, 21 Oct 2015 07:30:00 -0000", 120.0),
        ("Wed, 21 Oct 2015 07:00:00 GMT", 0.0),
        (None, None),
        ("", None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("Wed, 21 Oct 20152015201520152015 07:30:00 GMT", None),
        ("Wed, 21 Oct 2015 07:30:00 +99999999999999", None),
    ],
)
def test_header_is_read_as_seconds_from_now(value: str | None, seconds: float | None) -> None:
    """Both forms of RFC 9110 give seconds; an unreadable header gives None."""
    assert parse_retry_after(value, NOW) == seconds


def test_default_of_now_is_the_present() -> None:
    """A date of 2015 is in the past."""
    assert parse_retry_after("Wed, 21 Oct 2015 07:30:00 GMT") == 0.0
