"""Read abstracts with a real browser, from pages that show them by script or refuse a plain request."""

import math
import os
import re
import shutil
import tempfile
import time
from contextlib import suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, Self

from dataset_builder.corpus.papers import Paper
from dataset_builder.crawl.cleanup import clean_abstract
from dataset_builder.crawl.client import Hosts
from dataset_builder.crawl.outcomes import Answer, FetchError
from dataset_builder.crawl.settings import Settings
from dataset_builder.crawl.sources.publisher_page import page_address, parse_page

if TYPE_CHECKING:
    from selenium.webdriver import ChromeService, Remote

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    *("--headless=new", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
)


def browser_flags() -> list[str]:
    """Return the flags of Chromium, which refuses to start as root with its sandbox."""
    return [*FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]


def find_browser() -> tuple[str, str] | None:
    """Return the paths of Chromium and its chromedriver, or None if one of them or Selenium is missing."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = shutil.which("chromedriver")
    return (browser, driver) if browser and driver and find_spec("selenium") else None


class Browser:
    """One headless Chromium, started at the first request and again after it died or hung. A context manager."""

    def __init__(self, settings: Settings, hosts: Hosts) -> None:
        self._settings = settings
        self._hosts = hosts
        self._profile: tempfile.TemporaryDirectory[str] | None = None
        self._service: ChromeService | None = None
        self._driver: Remote | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def fetch_answer(self, paper: Paper) -> Answer:
        """Return title and abstract from the publisher's page of a paper, once it shows them; raises `FetchError`."""
        programs = find_browser()
        if programs is None:
            raise FetchError("no browser found")
        from selenium.common.exceptions import WebDriverException
        from urllib3.exceptions import HTTPError

        url = self._settings.url("browser", page_address(paper))
        if not re.match("https?://", url):
            raise FetchError("the address is not http or https")
        host = url.split("/")[2]
        with self._hosts.turn(host, self._settings.pauses["browser"]):
            try:
                if self._driver is None:
                    self._driver = self._start(*programs)
                self._driver.get(url)
                return self._wait_for_abstract(self._driver)
            except (WebDriverException, HTTPError, OSError):
                # On a busy machine a hang can look like a death, and a death like a hang.
                self.stop()
                raise FetchError("the browser died or hung") from None

    def stop(self) -> None:
        """End the browser with all its processes, even if it hangs."""
        import psutil

        # The service has it once the driver is started.
        process = getattr(self._service, "process", None)
        if process is not None:
            # A browser that hangs does not quit when the driver asks it to.
            with suppress(psutil.NoSuchProcess):
                driver = psutil.Process(process.pid)
                for running in (*driver.children(recursive=True), driver):
                    with suppress(psutil.NoSuchProcess):
                        running.kill()
            process.wait()
        if self._profile is not None:
            self._profile.cleanup()
        self._profile = self._service = self._driver = None

    def _start(self, browser: str, driver: str) -> "Remote":
        from selenium.webdriver import ChromeOptions, ChromeService, Remote
        from selenium.webdriver.chrome.remote_connection import ChromeRemoteConnection
        from selenium.webdriver.remote.client_config import ClientConfig

        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        options = ChromeOptions()
        options.binary_location = browser
        # A slow image or tracker does not delay the page.
        options.page_load_strategy = "eager"
        for flag in (*browser_flags(), f"--user-data-dir={self._profile.name}"):
            options.add_argument(flag)
        # In its own session, so that Ctrl-C reaches only the crawl.
        self._service = ChromeService(driver, popen_kw={"start_new_session": True})
        self._service.start()
        # `webdriver.Chrome` has no time limit for its driver, which can hang.
        address = self._service.service_url
        config = ClientConfig(remote_server_addr=address, timeout=math.ceil(2 * self._settings.timeout))
        remote = Remote(ChromeRemoteConnection(address, client_config=config), options=options)
        remote.set_page_load_timeout(self._settings.timeout)
        return remote

    def _wait_for_abstract(self, remote: "Remote") -> Answer:
        deadline = time.monotonic() + self._settings.browser_wait
        while True:
            answer = parse_page(remote.page_source)
            # At first a page may show a challenge, a placeholder or the beginning of the abstract.
            if clean_abstract(answer.abstract)[0] or time.monotonic() > deadline:
                return answer
            time.sleep(0.25)
