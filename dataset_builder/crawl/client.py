"""The one HTTP client of the crawler: cached, patient, polite to each host, and silent about credentials."""

from __future__ import annotations

import io
import logging
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests_cache import CachedSession
from urllib3 import HTTPResponse, Retry
from urllib3.exceptions import InvalidHeader

from dataset_builder.crawl.settings import Credentials, Settings

logger = logging.getLogger(__name__)

ASK_AGAIN = (429, 500, 502, 503, 504)
# Of the answer that reaches the cache the body is decoded and whole, whatever these said of it on the wire.
OF_THE_WIRE = {"content-encoding", "content-length", "transfer-encoding", "connection"}


class FetchError(Exception):
    """A request that gave nothing to use. The message is a reason fit for a report: it holds no URL and no key."""

    @property
    def answered(self) -> bool:
        """Whether the host did answer, and has no such page."""
        return str(self) in ("HTTP 404", "HTTP 410")


class Hosts:
    """Whose turn it is: each host (name and port) gets one request at a time, and a pause after each."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        # Hosts that asked to be left alone for longer than the crawl will wait.
        self.closed: set[str] = set()
        self._locks: dict[str, Lock] = defaultdict(Lock)
        self._free_at: dict[str, float] = defaultdict(float)
        self._guard = Lock()

    @contextmanager
    def turn(self, host: str, pause: float) -> Iterator[None]:
        """Hold the host for a request, from the end of the pause that the last one left until this one has ended."""
        with self._guard:
            lock = self._locks[host]
        with lock:
            time.sleep(max(0.0, self._free_at[host] - time.monotonic()))
            try:
                yield
            finally:
                self.rest(host, pause)

    def rest(self, host: str, seconds: float) -> None:
        """Leave the host alone for at least so long."""
        self._free_at[host] = max(self._free_at[host], time.monotonic() + seconds)


class Client:
    """Asks the sources. Answers with status 200 are kept in `cache`, a SQLite file, and not asked for again."""

    def __init__(self, settings: Settings, credentials: Credentials, cache: Path, refresh: bool = False) -> None:
        # At its lower levels urllib3 logs whole URLs, and OpenAlex takes its key as a part of the URL.
        logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
        self.settings = settings
        self.hosts = Hosts()
        self._refresh = refresh
        self._session = CachedSession(
            str(cache), backend="sqlite", allowable_methods=("GET", "POST"), allowable_codes=(200,)
        )
        self._session.max_redirects = 8
        # Without these two nothing is left that could open another scheme than http and https.
        self._session.adapters.clear()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, _Wire(settings, credentials, self.hosts))

    def get(self, source: str, path: str) -> requests.Response:
        """Return the answer of `source` to a GET of `path`, which follows its base URL; raises `FetchError`."""
        return self._ask("GET", source, path)

    def get_json(self, source: str, path: str, params: dict[str, str]) -> Any:
        """Return the JSON value that `source` answers with; raises `FetchError`."""
        return _json(self._ask("GET", source, path, params=params))

    def post_json(self, source: str, path: str, params: dict[str, str], body: Any) -> Any:
        """Return the JSON value that `source` answers to the posted JSON `body`; raises `FetchError`."""
        return _json(self._ask("POST", source, path, params=params, json=body))

    def close(self) -> None:
        """Close connections and cache."""
        self._session.close()

    def _ask(self, method: str, source: str, path: str, **kwargs: Any) -> requests.Response:
        url = self.settings.url(source, path)
        # What DBLP lists grows from year to year; what it listed of a year is kept by the crawl itself.
        fresh = self._refresh or source == "dblp"
        try:
            response = self._session.request(method, url, timeout=self.settings.timeout, force_refresh=fresh, **kwargs)
        except requests.TooManyRedirects:
            raise FetchError("the redirects do not end") from None
        except (requests.exceptions.InvalidSchema, requests.exceptions.MissingSchema):
            raise FetchError("the address is not http or https") from None
        except requests.RequestException as error:
            raise FetchError(f"the request failed ({type(error).__name__})") from None
        if response.status_code != 200:
            raise FetchError(f"HTTP {response.status_code}")
        return response


class _Wire(HTTPAdapter):
    """Sends one request and reads all of its answer: in the host's turn, within limits, and again if it failed.

    What it hands back to the session and its cache was asked without credentials, as far as they can see.
    """

    def __init__(self, settings: Settings, credentials: Credentials, hosts: Hosts) -> None:
        super().__init__()
        self._settings = settings
        self._hosts = hosts
        self._credentials = credentials
        contact = f"mailto:{credentials.crossref_mailto}" if credentials.crossref_mailto else "no contact given"
        self._user_agent = f"isca-qa/0.1 (collects the abstracts of a few venues; {contact})"

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        host = urlsplit(request.url).netloc
        outgoing = self._with_credentials(request)
        with self._hosts.turn(host, pause_of(host, self._settings)):
            for attempt in range(self._settings.retries + 1):
                if host in self._hosts.closed:
                    raise FetchError("the host asked for too long a pause")
                self._hosts.requests[host] += 1
                raw, failure = self._try(outgoing, {**kwargs, "stream": True})
                if raw is not None and raw.status not in ASK_AGAIN:
                    break
                wait = max(_retry_after(raw), self._settings.backoff * 2**attempt)
                if _retry_after(raw) > self._settings.longest_retry_after:
                    self._hosts.closed.add(host)
                elif attempt < self._settings.retries:
                    logger.info("%s: %s; asking again in %.1f s", host, failure, wait)
                    time.sleep(wait)
                else:
                    self._hosts.rest(host, _retry_after(raw))
                    raise FetchError(failure)
            self._hosts.rest(host, _rate_limit(raw))
        return self.build_response(request, raw)

    def _try(self, request: requests.PreparedRequest, kwargs: dict[str, Any]) -> tuple[HTTPResponse | None, str]:
        """Return the answer with its body read, or None, and what is wrong with it."""
        started = time.monotonic()
        body = io.BytesIO()
        try:
            with super().send(request, **kwargs) as response:
                for chunk in response.iter_content(65536):
                    body.write(chunk)
                    if body.tell() > self._settings.largest_answer:
                        raise FetchError("the answer is too large")
                    if time.monotonic() - started > 4 * self._settings.timeout:
                        raise requests.Timeout
        except requests.Timeout:
            return None, "timed out"
        except requests.exceptions.ContentDecodingError:
            return None, "the answer cannot be decoded"
        except requests.exceptions.ChunkedEncodingError:
            return None, "the connection was cut"
        except requests.ConnectionError as error:
            return None, "timed out" if "Read timed out" in str(error) else "no connection"
        whole = HTTPResponse(
            io.BytesIO(body.getvalue()),
            headers={name: value for name, value in response.headers.items() if name.lower() not in OF_THE_WIRE},
            status=response.status_code,
            reason=response.reason,
            preload_content=False,
            original_response=response.raw._original_response,
            request_url=urlsplit(request.url).path,
        )
        return whole, f"HTTP {response.status_code}"

    def _with_credentials(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Return a copy of the request as it goes onto the wire."""
        outgoing = request.copy()
        outgoing.headers["User-Agent"] = self._user_agent
        keys, bases = self._credentials, self._settings.base_urls
        if keys.openalex_api_key and _is_below(request.url, bases["openalex"]):
            outgoing.prepare_url(outgoing.url, {"api_key": keys.openalex_api_key})
        if keys.s2_api_key and _is_below(request.url, bases["semantic_scholar"]):
            outgoing.headers["x-api-key"] = keys.s2_api_key
        return outgoing


def pause_of(host: str, settings: Settings) -> float:
    """Return the seconds that a host is left alone after each request: a publisher, as long as "page" says."""
    pauses = [
        settings.pauses[source]
        for source, base in settings.base_urls.items()
        if urlsplit(base).netloc == host and source != "browser"
    ]
    return max(pauses, default=settings.pauses["page"])


def _retry_after(raw: HTTPResponse | None) -> float:
    """Return the seconds of pause that an answer asks for in its header Retry-After, a number or a date."""
    try:
        return (Retry().get_retry_after(raw) or 0.0) if raw is not None else 0.0
    except InvalidHeader:
        return 0.0


def _rate_limit(raw: HTTPResponse) -> float:
    """Return the seconds a request that Crossref's headers allow ("50" and "1s"); 0 where there are none."""
    limit, interval = (raw.headers.get(f"x-rate-limit-{name}", "").rstrip("s") for name in ("limit", "interval"))
    return int(interval) / int(limit) if limit.isdigit() and interval.isdigit() and int(limit) else 0.0


def _is_below(url: str, base: str) -> bool:
    asked, of_source = urlsplit(url), urlsplit(base)
    return asked[:2] == of_source[:2] and asked.path.startswith(of_source.path.rstrip("/") + "/")


def _json(response: requests.Response) -> Any:
    try:
        return response.json()
    except requests.JSONDecodeError:
        raise FetchError("the answer is not JSON") from None
