"""Run a teacher on a server that speaks the chat-completions protocol, with many requests at once."""

import asyncio
import logging
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from dataset_builder.corpus.manifest import BackendName, Response
from dataset_builder.errors import InputError
from dataset_builder.generate.backends.result_writer import ResultWriter
from dataset_builder.generate.responses import OnResults, PaperResult, Request, derive_seed
from dataset_builder.generate.schema import can_parse, example_pairs, response_format
from dataset_builder.retry_after import parse_retry_after
from dataset_builder.teachers.teacher import Teacher
from dataset_builder.text import without_surrogates

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from openai.types.chat import ChatCompletion

logger = logging.getLogger(__name__)

# Another try may succeed after these.
TEMPORARY_STATUSES = (408, 409, 425, 429, 500, 502, 503, 504)
# A wrong key, address or model: every other request would fail, too.
FATAL_STATUSES = (401, 403, 404)
# After so many failed papers in a row, the server counts as down.
FAILURES_IN_A_ROW = 5
# Tries of a request while the server has not responded to any request yet.
TRIES_TO_REACH = 3
# A server that asks for a longer pause, in seconds, counts as down.
LONGEST_RETRY_AFTER = 600.0


@dataclass(frozen=True)
class HTTPBackend:
    """Run a teacher on a server.

    `url` is the server's address, with or without /v1; `model` the server's name of the teacher's model; `token` the
    key for the Authorization header. `timeout`, in seconds, is for one response. `backoff`, in seconds, is the pause
    before the second try; it doubles with each try, unless the server's Retry-After asks for more. Every pause is
    extended by up to a half at random, so that requests that failed together are not sent again together.
    """

    url: str
    model: str
    token: str | None = None
    concurrency: int = 32
    timeout: float = 600.0
    retries: int = 6
    backoff: float = 1.0
    name: ClassVar[BackendName] = "http"

    def respond(
        self, teacher: Teacher, requests: Sequence[Request], seed: int, share: slice, on_results: OnResults
    ) -> None:
        """Generate the responses of this process, paper by paper; see `Backend.respond`.

        A paper whose requests fail stays unfinished. Raises `InputError` if the server is down or refuses everything.
        """
        if requests[share]:
            asyncio.run(_Session(self, teacher, seed, on_results).run(requests[share]))


class _RequestFailed(Exception):
    """A request without a response: the HTTP status or None, and the pause that the server asks for, in seconds.

    The message does not contain the key.
    """

    def __init__(self, message: str, status: int | None = None, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.status, self.retry_after = status, retry_after


class _Session:
    """The requests of one run, with the failures so far and the time until which the server asked for a pause."""

    def __init__(self, backend: HTTPBackend, teacher: Teacher, seed: int, on_results: OnResults) -> None:
        self.backend, self.teacher, self.seed = backend, teacher, seed
        self.writer = ResultWriter(on_results)
        self.client = _open_client(backend)
        self.response_format: Any = response_format(teacher.limits)
        self.examples = example_pairs(teacher)
        self.reached = False
        self.failed_in_a_row = 0
        self.paused_until = 0.0

    async def run(self, requests: Sequence[Request]) -> None:
        queue = iter(requests)

        async def work() -> None:
            for request in queue:
                await self._finish_paper(request)

        try:
            async with self.client, asyncio.TaskGroup() as group:
                for _ in range(min(self.backend.concurrency, len(requests))):
                    group.create_task(work())
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        finally:
            self.writer.close()

    async def _finish_paper(self, request: Request) -> None:
        responses: list[Response] = []
        served_model = ""
        try:
            for attempt in range(self.teacher.limits.attempts):
                seed = derive_seed(self.seed, request.paper_id, attempt)
                served_model, response = await self._complete(request, seed)
                responses.append(response)
                if can_parse(response.text, self.teacher.limits, self.examples):
                    break
        except _RequestFailed as error:
            self.failed_in_a_row += 1
            logger.warning("%s: %s; the paper stays unfinished", request.paper_id, error)
            is_fatal = error.status in FATAL_STATUSES or error.retry_after > LONGEST_RETRY_AFTER
            if not self.reached or is_fatal or self.failed_in_a_row >= FAILURES_IN_A_ROW:
                raise InputError(
                    f"--endpoint {self.backend.url}: {error}. Finished papers are kept: check the server, its "
                    "address, the model's name and the key, and run the command again"
                ) from error
        else:
            self.failed_in_a_row = 0
            result = PaperResult(
                paper_id=request.paper_id,
                request_sha256=request.sha256,
                made_by=f"a server, as {served_model}",
                responses=responses,
            )
            await self.writer.add(result)

    async def _complete(self, request: Request, seed: int) -> tuple[str, Response]:
        """Return the server's name of the model, and one response; raises `_RequestFailed` if all tries fail."""
        tries = 0
        while True:
            await asyncio.sleep(_extend(max(0.0, self.paused_until - time.monotonic())))
            tries += 1
            try:
                response = await self._send(request, seed)
            except _RequestFailed as error:
                self.reached = self.reached or error.status is not None
                is_permanent = error.status is not None and error.status not in TEMPORARY_STATUSES
                retries = self.backend.retries if self.reached else min(TRIES_TO_REACH - 1, self.backend.retries)
                if is_permanent or error.retry_after > LONGEST_RETRY_AFTER or tries > retries:
                    raise
                self.paused_until = max(self.paused_until, time.monotonic() + error.retry_after)
                pause = _extend(max(error.retry_after, self.backend.backoff * 2 ** (tries - 1)))
                logger.info("%s: %s; next try in %.1f s", request.paper_id, error, pause)
                await asyncio.sleep(pause)
            else:
                self.reached = True
                return response

    async def _send(self, request: Request, seed: int) -> tuple[str, Response]:
        import openai

        # The library would take organization and project from the environment; they are for OpenAI only.
        left_out = ["OpenAI-Organization", "OpenAI-Project", *([] if self.backend.token else ["Authorization"])]
        messages: Any = request.messages
        try:
            completion: ChatCompletion = await self.client.chat.completions.create(
                model=self.backend.model,
                messages=messages,
                max_tokens=self.teacher.limits.new_tokens,
                temperature=self.teacher.sampling.temperature,
                top_p=self.teacher.sampling.top_p,
                seed=seed,
                response_format=self.response_format,
                extra_headers={name: openai.omit for name in left_out},
            )
            choice = completion.choices[0]
            return without_surrogates(completion.model), Response(
                seed=seed,
                text=without_surrogates(choice.message.content or ""),
                finish_reason=without_surrogates(choice.finish_reason or "stop"),
                tokens=completion.usage.completion_tokens if completion.usage else 0,
            )
        except openai.APIStatusError as error:
            status = error.status_code
            said = "" if status in TEMPORARY_STATUSES else f" ({' '.join(error.response.text.split())[:200]})"
            pause = parse_retry_after(error.response.headers.get("Retry-After"))
            raise _RequestFailed(f"HTTP {status}{said}", status, pause or 0.0) from None
        except openai.APITimeoutError:
            raise _RequestFailed("no response in time") from None
        except openai.APIConnectionError as error:
            cause = error.__cause__ or error
            raise _RequestFailed(f"the connection failed ({type(cause).__name__})") from None
        except (openai.APIError, ValueError, KeyError, TypeError, IndexError, AttributeError):
            raise _RequestFailed("the answer does not follow the chat-completions protocol") from None


def _open_client(backend: HTTPBackend) -> "AsyncOpenAI":
    """Return a client that sends each request once: the library obeys a Retry-After of at most two minutes."""
    from httpx2 import AsyncClient, Limits
    from openai import AsyncOpenAI

    parts = urlsplit(backend.url)
    path = parts.path.rstrip("/")
    if path.endswith("/chat/completions"):
        path = path.removesuffix("/chat/completions")
    elif not path.endswith("/v1"):
        path += "/v1"
    return AsyncOpenAI(
        base_url=parts._replace(path=path, query="").geturl(),
        default_query=dict(parse_qsl(parts.query)),
        # The library requires a key; `_send` leaves out the header.
        api_key=backend.token or "none",
        timeout=backend.timeout,
        max_retries=0,
        http_client=AsyncClient(limits=Limits(max_connections=backend.concurrency), follow_redirects=True),
    )


def _extend(pause: float) -> float:
    return pause * random.uniform(1.0, 1.5)
