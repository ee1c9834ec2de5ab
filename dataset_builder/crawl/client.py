"""Send the crawler's HTTP requests: with a cache, retries, pauses and limits; no log or file shows a credential."""

import io
import logging
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

import requests
from pydantic import TypeAdapter, ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from requests.adapters import HTTPAdapter
from requests_cache import CachedSession
from urllib3 import HTTPResponse

from dataset_builder.crawl.outcomes import FetchError
from dataset_builder.crawl.settings import Settings
from dataset_builder.retry_after import parse_retry_after

logger = logging.getLogger(__name__)

Shape = TypeVar("Shape")


def _none_if_malformed(value: object, validate: ValidatorFunctionWrapHandler) -> object:
    try:
        return validate(value)
    except ValidationError:
        return None


# A record of a list; None in place of a malformed one, so that the other records are used.
Tolerant = Annotated[Shape | None, WrapValidator(_none_if_malformed)]

RETRY_STATUSES = (429, 500, 502, 503, 504)
# The cache gets a decoded and complete body, which these headers no longer describe.
TRANSFER_HEADERS = {"content-encoding", "content-length", "transfer-encoding", "connection"}


class Hosts:
    """The hosts of a crawl, by name and port, and when each may be asked again."""

    def __init__(self) -> None:
        # Set when the crawl is interrupted: no request and no pause is started, and none is waited for.
        self.stopped = Event()
        # Hosts that asked for a longer pause than the crawl will wait.
        self.closed: set[str] = set()
        self._locks: dict[str, Lock] = defaultdict(Lock)
        self._free_at: dict[str, float] = defaultdict(float)
        self._guard = Lock()

    @contextmanager
    def turn(self, host: str, pause: float) -> Iterator[None]:
        """Reserve a host for one request: wait until its pause is over, and start the next pause at the end."""
        with self._guard:
            lock = self._locks[host]
        with lock:
            self.sleep(self._free_at[host] - time.monotonic())
            try:
                yield
            finally:
                self.pause(host, pause)

    def sleep(self, seconds: float) -> None:
        """Wait; raises `FetchError` if the crawl is interrupted."""
        if self.stopped.wait(max(0.0, seconds)):
            raise FetchError("interrupted")

    @contextmanager
    def stopping_on_error(self) -> Iterator[None]:
        """Set `stopped` if the block ends with an exception, KeyboardInterrupt included."""
        try:
            yield
        except BaseException:
            self.stopped.set()
            raise

    def pause(self, host: str, seconds: float) -> None:
        """Send the host no request for at least this many seconds."""
        self._free_at[host] = max(self._free_at[host], time.monotonic() + seconds)


class Client:
    """Ask the sources. Answers with status 200 are kept in `cache`, a SQLite file, and not requested again."""

    def __init__(self, settings: Settings, cache: Path, refresh: bool = False) -> None:
        # At its lower levels urllib3 logs complete URLs, and OpenAlex takes its key as a part of the URL.
        logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
        self.settings = settings
        self.hosts = Hosts()
        self._refresh = refresh
        self._session = CachedSession(
            str(cache), backend="sqlite", allowable_methods=("GET", "POST"), allowable_codes=(200,)
        )
        self._session.max_redirects = 8
        # With only these two adapters, the session cannot open a scheme other than http and https.
        self._session.adapters.clear()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, _PoliteAdapter(settings, self.hosts))

    def close(self) -> None:
        """Close the connections and the cache."""
        self._session.close()  # type: ignore[no-untyped-call]  # requests-cache leaves it untyped

    def get_json(
        self, source: str, path: str, shape: type[Shape], params: dict[str, str], body: object = None
    ) -> Shape:
        """Return the JSON answer of `source` as `shape`, a pydantic type; raises `FetchError`. A `body` is posted."""
        response = self.get(source, path, params, body)
        try:
            return TypeAdapter(shape).validate_python(response.json())
        except ValidationError:
            raise FetchError("the answer is not of the documented shape") from None
        # Also for numbers of more than 4,300 digits and for very deep nesting.
        except (ValueError, RecursionError):
            raise FetchError("the answer is not JSON") from None

    def get(
        self, source: str, path: str, params: dict[str, str] | None = None, body: object = None
    ) -> requests.Response:
        """Return the answer of `source`; `path` is relative to its base URL. Raises `FetchError`."""
        try:
            response = self._session.request(
                "GET" if body is None else "POST",
                self.settings.url(source, path),
                params=params,
                json=body,
                timeout=self.settings.timeout,
                # DBLP's lists grow from year to year. The crawl itself keeps the list of a year.
                force_refresh=self._refresh or source == "dblp",
            )
        except requests.RequestException as error:
            raise FetchError(f"the request failed ({type(error).__name__})") from None
        # From requests and urllib3, for redirects such as http://[::1 or to a host label of more than 63 characters.
        except ValueError:
            raise FetchError("the address cannot be read") from None
        if response.status_code != 200:
            beginning = response.content[:200].decode("utf-8", "replace")
            raise FetchError(f"HTTP {response.status_code}", response.status_code, beginning)
        return response


class _TemporaryError(FetchError):
    """A failure that may be over at the next attempt. `retry_after`: the pause that the host asks for, in seconds."""

    def __init__(self, reason: str, status: int | None = None, retry_after: float = 0.0) -> None:
        super().__init__(reason, status)
        self.retry_after = retry_after


class _PoliteAdapter(HTTPAdapter):
    """Send one request and read its complete answer: in the host's turn, within limits, with retries.

    The session and its cache see the request without the credentials.
    """

    def __init__(self, settings: Settings, hosts: Hosts) -> None:
        super().__init__()
        self._settings = settings
        self._hosts = hosts

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Return the answer, read completely in any case; raises `FetchError` if the last attempt fails as well."""
        host = urlsplit(str(request.url)).netloc
        outgoing = self._with_credentials(request)
        attempt = 0
        with self._hosts.turn(host, self._settings.pause(host)):
            while host not in self._hosts.closed:
                try:
                    # Streamed, so that the limits can end the transfer. requests passes all options by keyword.
                    raw = self._read(outgoing, **{**kwargs, "stream": True})
                except _TemporaryError as error:
                    if error.retry_after > self._settings.longest_retry_after:
                        self._hosts.closed.add(host)
                    elif attempt == self._settings.retries:
                        self._hosts.pause(host, error.retry_after)
                        raise
                    else:
                        seconds = max(error.retry_after, self._settings.backoff * 2**attempt)
                        logger.info("%s: %s; asking again in %.1f s", host, error, seconds)
                        self._hosts.sleep(seconds)
                        attempt += 1
                else:
                    return self.build_response(request, raw)
        raise FetchError("the host asked for too long a pause")

    def _read(self, request: requests.PreparedRequest, **kwargs: Any) -> HTTPResponse:
        """Return the answer with its decoded body; raises `FetchError`, and `_TemporaryError` to be retried.

        The transfer has its own thread, which is abandoned at the end of the time: no limit of requests ends a
        transfer of one byte now and then, in the headers for example.
        """
        answer: Future[HTTPResponse] = Future()

        def transfer() -> None:
            try:
                answer.set_result(self._transfer(request, **kwargs))
            except Exception as error:
                answer.set_exception(error)

        Thread(target=transfer, daemon=True).start()
        deadline = time.monotonic() + 4 * self._settings.timeout
        while not wait([answer], timeout=0.2).done:
            self._hosts.sleep(0.0)
            if time.monotonic() > deadline:
                raise _TemporaryError("timed out")
        return answer.result()

    def _transfer(self, request: requests.PreparedRequest, **kwargs: Any) -> HTTPResponse:
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
            raise _TemporaryError("timed out") from None
        except requests.RequestException as error:
            reason = f"the request failed ({type(error).__name__})"
            raise _TemporaryError("timed out" if "Read timed out" in str(error) else reason) from None
        status = response.status_code
        if status in RETRY_STATUSES:
            retry_after = parse_retry_after(response.headers.get("Retry-After"))
            raise _TemporaryError(f"HTTP {status}", status, retry_after or 0.0)
        return HTTPResponse(
            io.BytesIO(body.getvalue()),
            headers={name: value for name, value in response.headers.items() if name.lower() not in TRANSFER_HEADERS},
            status=status,
            reason=response.reason,
            preload_content=False,
            # requests reads the answer's cookies from this object, and offers no other access to it.
            original_response=response.raw._original_response,
            request_url=str(urlsplit(str(request.url)).path),
        )

    def _with_credentials(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Return a copy of the request with user agent and key."""
        keys, bases, url = self._settings, self._settings.base_urls, str(request.url)
        outgoing = request.copy()
        contact = f"mailto:{keys.crossref_mailto}" if keys.crossref_mailto else "no contact given"
        outgoing.headers["User-Agent"] = f"isca-qa/0.1 (collects the abstracts of a few venues; {contact})"
        if keys.openalex_api_key and _is_below(url, bases["openalex"]):
            outgoing.prepare_url(url, {"api_key": keys.openalex_api_key})
        if keys.s2_api_key and _is_below(url, bases["semantic_scholar"]):
            outgoing.headers["x-api-key"] = keys.s2_api_key
        return outgoing


def _is_below(url: str, base: str) -> bool:
    requested, source = urlsplit(url), urlsplit(base)
    return requested[:2] == source[:2] and requested.path.startswith(source.path.rstrip("/") + "/")
