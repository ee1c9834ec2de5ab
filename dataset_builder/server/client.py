"""Send many requests at once to a server that speaks OpenAI's protocol, and retry the ones that fail."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

from dataset_builder.errors import InputError
from dataset_builder.retry_after import parse_retry_after
from dataset_builder.server.settings import Server
from dataset_builder.text import without_surrogates

if TYPE_CHECKING:
    from openai import AsyncOpenAI

logger = logging.getLogger(__name__)

# Another try may succeed after these.
TEMPORARY_STATUSES = (408, 409, 425, 429, 500, 502, 503, 504)
# A wrong key, address or model: every other request would fail, too.
FATAL_STATUSES = (401, 403, 404)
# After so many failed items in a row, the server counts as down.
FAILURES_IN_A_ROW = 5
# Tries of a request while the server has not responded to any request yet.
TRIES_TO_REACH = 3
# A server that asks for a longer pause, in seconds, counts as down.
LONGEST_RETRY_AFTER = 600.0
# A message quotes so many characters of a server's refusal.
LONGEST_QUOTE = 200
# vLLM, llama.cpp, SGLang and OpenAI refuse a prompt that is too long in these words.
TOO_LONG = re.compile(r"context[ _](length|size|window)|maximum model length", re.IGNORECASE)
LONGER_CONTEXT = (
    "the prompt does not fit into the server's context; start the server with a longer one (vLLM: --max-model-len, "
    "llama.cpp: --ctx-size)"
)

Item = TypeVar("Item")


@dataclass(frozen=True)
class CompletionRequest:
    """A prompt and its sampling settings; `label` names it in the log.

    The prompt is the only turn of a chat. If not `is_chat`, it is a text that the model continues.
    """

    label: str
    prompt: str
    max_tokens: int
    temperature: float
    top_p: float | None = None
    seed: int | None = None
    response_format: dict[str, Any] | None = None
    is_chat: bool = True


@dataclass(frozen=True)
class Completion:
    """A response: the server's name of the `model`, the text, why it ended ("length": at the limit), its tokens."""

    model: str
    text: str
    finish_reason: str
    tokens: int


class RequestFailed(Exception):
    """A request without a response: the HTTP status or None, and the pause that the server asks for, in seconds.

    `is_too_long` means that the prompt does not fit into the server's context. The message does not contain the key.
    """

    def __init__(
        self, message: str, status: int | None = None, retry_after: float = 0.0, is_too_long: bool = False
    ) -> None:
        super().__init__(message)
        self.status, self.retry_after, self.is_too_long = status, retry_after, is_too_long


class ServerClient:
    """The requests of one run, with the failures so far. Errors name the server as `source`."""

    def __init__(self, server: Server, source: str) -> None:
        self._server, self._source = server, source
        self._client = _open_client(server)
        self._reached = False
        self._failed_in_a_row = 0

    def run(self, items: Sequence[Item], finish: Callable[[Item], Awaitable[None]]) -> list[RequestFailed]:
        """Await `finish` for each item, several at once, and return the failures; `finish` calls `complete`.

        An item whose request fails stays unfinished. Raises `InputError` if the server is down or refuses everything;
        prompts that are too long do not count.
        """
        return asyncio.run(self._run(items, finish))

    async def _run(self, items: Sequence[Item], finish: Callable[[Item], Awaitable[None]]) -> list[RequestFailed]:
        queue = iter(items)
        failures: list[RequestFailed] = []

        async def work() -> None:
            for item in queue:
                try:
                    await finish(item)
                    self._failed_in_a_row = 0
                except RequestFailed as error:
                    failures.append(error)
                    # A prompt that is too long says nothing about the other ones.
                    if not error.is_too_long:
                        self._failed_in_a_row += 1
                        self._check_server(error)

        try:
            async with self._client, asyncio.TaskGroup() as group:
                for _ in range(min(self._server.concurrency, len(items))):
                    group.create_task(work())
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return failures

    def _check_server(self, error: RequestFailed) -> None:
        """Raise `InputError` if the failure of an item means that the others would fail, too."""
        is_fatal = error.status in FATAL_STATUSES or error.retry_after > LONGEST_RETRY_AFTER
        if not self._reached or is_fatal or self._failed_in_a_row >= FAILURES_IN_A_ROW:
            raise InputError(
                f"{self._source}: {error}. Finished responses are kept: check the server, its address, the model's "
                "name and the key, and run the command again"
            ) from error

    async def complete(self, request: CompletionRequest) -> Completion:
        """Return the response to one request; raises `RequestFailed` if all tries fail."""
        tries = 0
        while True:
            tries += 1
            try:
                completion = await self._send(request)
            except RequestFailed as error:
                self._reached = self._reached or error.status is not None
                is_permanent = error.status is not None and error.status not in TEMPORARY_STATUSES
                retries = self._server.retries if self._reached else min(TRIES_TO_REACH - 1, self._server.retries)
                if is_permanent or error.retry_after > LONGEST_RETRY_AFTER or tries > retries:
                    logger.warning("%s: %s; it stays unanswered", request.label, error)
                    raise
                pause = max(error.retry_after, self._server.backoff * 2 ** (tries - 1))
                logger.info("%s: %s; next try in %.1f s", request.label, error, pause)
                await asyncio.sleep(pause)
            else:
                self._reached = True
                return completion

    async def _send(self, request: CompletionRequest) -> Completion:
        import openai

        # The library would take organization and project from the environment; they are for OpenAI only.
        left_out = ["OpenAI-Organization", "OpenAI-Project", *([] if self._server.token else ["Authorization"])]
        optional = {"top_p": request.top_p, "seed": request.seed, "response_format": request.response_format}
        turn = {"role": "user", "content": request.prompt}
        # Any: which of the library's overloads applies is only known at run time.
        create: Any = self._client.chat.completions.create if request.is_chat else self._client.completions.create
        try:
            response = await create(
                model=self._server.model,
                max_tokens=request.max_tokens,
                temperature=request.temperature,
                extra_headers={name: openai.omit for name in left_out},
                **({"messages": [turn]} if request.is_chat else {"prompt": request.prompt}),
                **{name: value for name, value in optional.items() if value is not None},
            )
            choice = response.choices[0]
            text = choice.message.content if request.is_chat else choice.text
            # The library does not check it.
            tokens = response.usage.completion_tokens if response.usage else 0
            return Completion(
                model=without_surrogates(response.model),
                text=without_surrogates(text or ""),
                finish_reason=without_surrogates(choice.finish_reason or "stop"),
                tokens=tokens if isinstance(tokens, int) else 0,
            )
        except openai.APIStatusError as error:
            pause = parse_retry_after(error.response.headers.get("Retry-After"))
            problem = self._describe_refusal(error.status_code, error.response.text)
            is_too_long = error.status_code not in TEMPORARY_STATUSES and bool(TOO_LONG.search(error.response.text))
            raise RequestFailed(problem, error.status_code, pause or 0.0, is_too_long) from None
        except openai.APITimeoutError:
            raise RequestFailed("no response in time") from None
        except openai.APIConnectionError as error:
            cause = error.__cause__ or error
            raise RequestFailed(f"the connection failed ({type(cause).__name__})") from None
        except (openai.APIError, ValueError, KeyError, TypeError, IndexError, AttributeError):
            protocol = "chat-completions" if request.is_chat else "completions"
            raise RequestFailed(f"the answer does not follow the {protocol} protocol") from None

    def _describe_refusal(self, status: int, body: str) -> str:
        """Return the status with the beginning of what the server said, for a status that another try does not mend.

        Some servers repeat the key in their refusal, and the description does not.
        """
        if status in TEMPORARY_STATUSES:
            return f"HTTP {status}"
        quote = " ".join(body.split())
        if self._server.token:
            quote = quote.replace(self._server.token, "[key]")
        remedy = f": {LONGER_CONTEXT}" if TOO_LONG.search(quote) else ""
        return f"HTTP {status} ({quote[:LONGEST_QUOTE]}){remedy}"


def _open_client(server: Server) -> "AsyncOpenAI":
    """Return a client that sends each request once: the library obeys a Retry-After of at most two minutes."""
    from httpx2 import AsyncClient, Limits
    from openai import AsyncOpenAI

    parts = urlsplit(server.url)
    path = re.sub(r"/(chat/)?completions$", "", parts.path.rstrip("/"))
    # The address of a server lacks the version; the address of its interface is complete.
    if not path or (path == parts.path.rstrip("/") and not re.search(r"/v\d", path)):
        path += "/v1"
    return AsyncOpenAI(
        base_url=parts._replace(path=path, query="").geturl(),
        default_query=dict(parse_qsl(parts.query)),
        # The library requires a key; `_send` leaves out the header.
        api_key=server.token or "none",
        timeout=server.timeout,
        max_retries=0,
        # A redirect to another host is followed without the key.
        http_client=AsyncClient(limits=Limits(max_connections=server.concurrency), follow_redirects=True),
    )
