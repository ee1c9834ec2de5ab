"""The Retry-After header: seconds, a date, and what is neither."""

from __future__ import annotations

import pytest

from dataset_builder.retry_after import parse_retry_after


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        ("Wed, 21 Oct 2015 07:30:00 GMT", 0.0),
        (None, None),
        ("", None),
        ("-3", None),
        ("soon", None),
        ("9" * 5000, None),
        ("Wed, 21 Oct 20152015201520152015 07:30:00 GMT", None),
    ],
)
def test_header_is_read_as_seconds(value: str | None, seconds: float | None) -> None:
    """A date in the past gives 0; an unreadable header gives None."""
    assert parse_retry_after(value) == seconds
