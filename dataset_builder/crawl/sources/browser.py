"""A real browser, for pages that show the abstract only after their scripts ran, or refuse a plain request."""

from __future__ import annotations

import shutil
import tempfile
import time
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from dataset_builder.crawl.answer import Answer, ListedPaper
from dataset_builder.crawl.cleaning import clean_abstract
from dataset_builder.crawl.client import FetchError, Hosts
from dataset_builder.crawl.settings import Settings
from dataset_builder.crawl.sources.publisher_page import address, parse

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
)


def find_browser() -> tuple[str, str] | None:
    """Return the paths of a Chromium and of its chromedriver, or None where these or Selenium are missing."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = shutil.which("chromedriver")
    return (browser, driver) if browser and driver and find_spec("selenium") else None


class Browser:
    """One headless Chromium, started when first needed and again after it died or hung. Use as a context manager."""

    def __init__(self, settings: Settings, hosts: Hosts) -> None:
        self._settings = settings
        self._hosts = hosts
        self._service: Any = None
        self._driver: Any = None
        self._profile: Any = None

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def ask(self, paper: ListedPaper) -> Answer:
        """Return what the publisher's page shows of a paper, once it shows an abstract; raises `FetchError`."""
        if find_browser() is None:
            raise FetchError("no browser found")
        from selenium.common.exceptions import TimeoutException, WebDriverException
        from urllib3.exceptions import HTTPError, TimeoutError

        url = self._settings.url("browser", address(paper))
        host = urlsplit(url).netloc
        if urlsplit(url).scheme not in ("http", "https"):
            raise FetchError("the address is not http or https")
        with self._hosts.turn(host, self._settings.pauses["browser"]):
            self._hosts.requests[host] += 1
            try:
                if self._driver is None:
                    self._start()
                self._driver.get(url)
                return self._abstract_once_shown()
            except (TimeoutException, TimeoutError):
                self.stop()
                raise FetchError("the browser hung") from None
            except (WebDriverException, HTTPError, OSError):
                self.stop()
                raise FetchError("the browser died") from None

    def stop(self) -> None:
        """End the browser and all its processes, hung ones too."""
        import psutil

        if self._service is not None and self._service.process is not None:
            # Asking a hung browser to quit would hang as well.
            try:
                driver = psutil.Process(self._service.process.pid)
                for process in (*driver.children(recursive=True), driver):
                    process.kill()
            except psutil.NoSuchProcess:
                pass
            self._service.process.wait()
        if self._profile is not None:
            self._profile.cleanup()
        self._service = self._driver = self._profile = None

    def _start(self) -> None:
        from selenium.webdriver import ChromeOptions, ChromeService, Remote
        from selenium.webdriver.chrome.remote_connection import ChromeRemoteConnection
        from selenium.webdriver.remote.client_config import ClientConfig

        options = ChromeOptions()
        options.binary_location, driver = find_browser()
        self._profile = tempfile.TemporaryDirectory(prefix="isca-qa-browser-", ignore_cleanup_errors=True)
        for flag in (*FLAGS, f"--user-data-dir={self._profile.name}"):
            options.add_argument(flag)
        # `webdriver.Chrome` takes no limit for the wait on its driver, which can hang like any program.
        self._service = ChromeService(driver)
        self._service.start()
        address = self._service.service_url
        patience = ClientConfig(remote_server_addr=address, timeout=2 * self._settings.timeout)
        self._driver = Remote(ChromeRemoteConnection(address, client_config=patience), options=options)
        self._driver.set_page_load_timeout(self._settings.timeout)

    def _abstract_once_shown(self) -> Answer:
        deadline = time.monotonic() + self._settings.browser_wait
        while True:
            answer = parse(self._driver.page_source)
            # What is shown first may be a challenge, a placeholder or the beginning of the abstract.
            if clean_abstract(answer.text)[0] or time.monotonic() > deadline:
                return answer
            time.sleep(0.25)
