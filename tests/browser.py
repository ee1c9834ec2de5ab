"""A real Chromium for the tests of pages."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.crawl.sources.browser import browser_flags, find_browser


def need_browser() -> tuple[str, str]:
    """Return the paths of Chromium and its chromedriver; without them, fail in CI, and elsewhere skip."""
    found = find_browser()
    if found is None:
        message = "no Chromium with its chromedriver: apt-get install chromium chromium-driver"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return found


@contextmanager
def running_browser(profile: Path, width: int, height: int) -> Iterator[Any]:
    """Yield a browser with a window of this size in pixels, whose console and requests are logged."""
    browser, driver = need_browser()
    from selenium.webdriver import Chrome, ChromeOptions, ChromeService

    options = ChromeOptions()
    options.binary_location = browser
    for flag in (*browser_flags(), f"--user-data-dir={profile}", f"--window-size={width},{height}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    with Chrome(options, ChromeService(driver)) as started:
        yield started
