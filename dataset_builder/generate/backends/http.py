"""Responses by a server that speaks the chat-completions protocol, with many requests in flight."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from dataset_builder.errors import InputError
from dataset_builder.generate.journal import Attempt, Finished, Request, seed_of
from dataset_builder.generate.schema import parses, response_schema
from dataset_builder.teachers.teacher import Teacher

if TYPE_CHECKING:
    from huggingface_hub import AsyncInferenceClient

logger = logging.getLogger(__name__)

ASK_AGAIN = (408, 409, 425, 429, 500, 502, 503, 504)
# A wrong key, address or model: every request would get the same.
OF_ALL = (401, 403, 404)
# After so many requests that failed, with no response between them, the server is taken for down.
FAILURES_IN_A_ROW = 5
# Tries of a server that has not said anything yet.
TRIES_TO_REACH = 3
# A server that asks for a longer pause than this, in seconds, is taken for one that cannot be asked now.
LONGEST_RETRY_AFTER = 600.0
HUGGING_FACE = "huggingface.co"


class TryFailed(Exception):
    """One try of a request that gave no response: the HTTP status, or None, and the pause asked for, in seconds.

    The message holds no key.
    """

    def __init__(self, message: str, status: int | None = None, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.status, self.retry_after = status, retry_after


@dataclass(frozen=True)
class Endpoint:
    """The way of running a teacher over HTTP.

    `url` is the server's, with or without /v1; `model` what it calls the teacher's model; `token` goes into the
    Authorization header; `timeout` in seconds for one response; `backoff` in seconds before the second try, doubled
    for each one after, unless the server's Retry-After asks for more. Every pause is made up to half as long again, by
    chance, so that requests that were refused together do not come back together.
    """

    url: str
    model: str
    token: str | None = None
    concurrency: int = 32
    timeout: float = 600.0
    retries: int = 6
    backoff: float = 1.0
    kind = "endpoint"

    def answer(
        self,
        teacher: Teacher,
        requests: list[Request],
        seed: int,
        is_done: Callable[[Request], bool],
        share: tuple[int, int],
        finished: Callable[[list[Finished]], None],
    ) -> None:
        """Make the responses to those `requests` that are not done and fall to this process.

        As for `InProcess.answer`, but each paper is handed to `finished` as it ends. A paper whose requests fail stays
        undone. Raises `InputError` when requests fail one after the other, with nothing between.
        """
        mine = [request for request in requests[share[0] :: share[1]] if not is_done(request)]
        if mine:
            asyncio.run(_Run(self, teacher, seed, finished).answer(mine))


class _Run:
    """One round of requests: what has failed, and until when the server asked to be left alone."""

    def __init__(
        self, endpoint: Endpoint, teacher: Teacher, seed: int, finished: Callable[[list[Finished]], None]
    ) -> None:
        self.endpoint, self.teacher, self.seed, self.finished = endpoint, teacher, seed, finished
        self.reached = False
        self.failed_in_a_row = 0
        self.free_at = 0.0

    async def answer(self, requests: list[Request]) -> None:
        waiting = iter(requests)

        async def take_turns() -> None:
            for request in waiting:
                await self._paper(client, request)

        try:
            async with _client(self.endpoint, response_format(self.teacher)) as client, asyncio.TaskGroup() as group:
                for _ in range(min(self.endpoint.concurrency, len(requests))):
                    group.create_task(take_turns())
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def _paper(self, client: AsyncInferenceClient, request: Request) -> None:
        attempts: list[Attempt] = []
        try:
            for number in range(self.teacher.limits.attempts):
                seed = seed_of(self.seed, request.paper_id, number)
                served, attempt = await self._attempt(client, request, seed)
                attempts.append(attempt)
                if parses(attempt.text, self.teacher.limits):
                    break
        except TryFailed as error:
            self.failed_in_a_row += 1
            logger.warning("%s: %s; it stays undone", request.paper_id, error)
            closed = error.status in OF_ALL or error.retry_after > LONGEST_RETRY_AFTER
            if not self.reached or closed or self.failed_in_a_row >= FAILURES_IN_A_ROW:
                raise InputError(
                    f"--endpoint {self.endpoint.url}: {error}. What is finished is kept: mend the server, its "
                    "address, the model's name or the key, and run the same command again"
                ) from error
        else:
            self.failed_in_a_row = 0
            self.finished([Finished(request.paper_id, request.sha256, f"a server, as {served}", attempts)])

    async def _attempt(self, client: AsyncInferenceClient, request: Request, seed: int) -> tuple[str, Attempt]:
        """Return what the server calls its model, and one response; raises `TryFailed` if all tries gave none."""
        for tried in range(1, self.endpoint.retries + 2):
            await asyncio.sleep(_spread(max(0.0, self.free_at - time.monotonic())))
            try:
                response = await self._try(client, request, seed)
            except TryFailed as error:
                self.reached = self.reached or error.status is not None
                for_good = error.status is not None and error.status not in ASK_AGAIN
                most = self.endpoint.retries + 1 if self.reached else min(TRIES_TO_REACH, self.endpoint.retries + 1)
                if for_good or error.retry_after > LONGEST_RETRY_AFTER or tried >= most:
                    raise
                self.free_at = max(self.free_at, time.monotonic() + error.retry_after)
                wait = _spread(max(error.retry_after, self.endpoint.backoff * 2 ** (tried - 1)))
                logger.info("%s: %s; asking again in %.1f s", request.paper_id, error, wait)
                await asyncio.sleep(wait)
            else:
                self.reached = True
                return response
        raise AssertionError("the last try returns or raises")

    async def _try(self, client: AsyncInferenceClient, request: Request, seed: int) -> tuple[str, Attempt]:
        from huggingface_hub.errors import HfHubHTTPError

        try:
            response = await client.chat_completion(
                request.messages,
                model=self.endpoint.model,
                max_tokens=self.teacher.limits.new_tokens,
                temperature=self.teacher.sampling.temperature,
                top_p=self.teacher.sampling.top_p,
                seed=seed,
            )
            choice = response.choices[0]
            tokens = response.usage.completion_tokens if response.usage else 0
            text, reason = choice.message.content or "", choice.finish_reason or "stop"
        except HfHubHTTPError as error:
            status = error.response.status_code
            said = "" if status in ASK_AGAIN else f" ({' '.join(error.response.text.split())[:200]})"
            pause = _retry_after(error.response.headers.get("Retry-After"))
            raise TryFailed(f"HTTP {status}{said}", status, pause) from None
        except TimeoutError:
            raise TryFailed("no response in time") from None
        except (ValueError, KeyError, TypeError, IndexError, AttributeError):
            raise TryFailed("the answer is not of the chat-completions protocol") from None
        except Exception as error:  # no connection, or a cut one: by the class of the client's HTTP library
            raise TryFailed(f"the connection failed ({type(error).__name__})") from None
        return response.model, Attempt(seed, text, reason, tokens)


def response_format(teacher: Teacher) -> dict[str, Any]:
    """Return the response_format that holds a server to the schema, as OpenAI, vLLM and llama.cpp read it.

    The list is in an object, since OpenAI takes no other schema
    (https://platform.openai.com/docs/guides/structured-outputs, "Root objects"). TGI reads another shape, the schema
    under "value" (huggingface/text-generation-inference, pull request 3276).
    """
    schema = {
        "type": "object",
        "properties": {"pairs": response_schema(teacher.limits)},
        "required": ["pairs"],
        "additionalProperties": False,
    }
    return {"type": "json_schema", "json_schema": {"name": "pairs", "schema": schema, "strict": True}}


def key_for(url: str, variable: str | None) -> str | None:
    """Return the key for the server at `url`: the value of the environment variable, where one is named.

    Else it is that of HF_TOKEN for Hugging Face's own hosts over https, and none for all others. Raises `InputError`
    for a named variable that is not set.
    """
    if variable is not None:
        if not os.environ.get(variable):
            raise InputError(f"--token-variable {variable}: is not set; export it, or leave the option out")
        return os.environ[variable]
    parts = urlsplit(url)
    host = parts.hostname or ""
    is_hub = parts.scheme == "https" and (host == HUGGING_FACE or host.endswith(f".{HUGGING_FACE}"))
    return os.environ.get("HF_TOKEN") or None if is_hub else None


def _spread(pause: float) -> float:
    return pause * random.uniform(1.0, 1.5)


def _client(endpoint: Endpoint, wanted: dict[str, Any]) -> AsyncInferenceClient:
    """Return a client for any server, which puts the response_format `wanted` into every request, as it is.

    Given to the library, it would be rewritten for TGI, to {"type": "json_object", "value": SCHEMA} (huggingface_hub
    2.4.0, inference/_providers/hf_inference.py), which vLLM takes for "any object" and which no list can meet.
    """
    from httpx2 import AsyncClient, Limits
    from huggingface_hub import AsyncInferenceClient

    class Client(AsyncInferenceClient):
        async def _get_async_client(self) -> Any:
            # In place of the library's, which keeps to 100 connections, and refuses any server under HF_HUB_OFFLINE,
            # though that is about the Hub.
            if self._async_client is None:
                client = AsyncClient(limits=Limits(max_connections=endpoint.concurrency), follow_redirects=True)
                self._async_client = await self.exit_stack.enter_async_context(client)
            return self._async_client

        async def _inner_post(self, request_parameters: Any, **options: Any) -> Any:
            request_parameters.json["response_format"] = wanted
            return await super()._inner_post(request_parameters, **options)

    # Without a key none is sent: the library would take the saved one of the Hub, which is not for every server.
    headers = None if endpoint.token else {"authorization": None}
    return Client(base_url=endpoint.url, token=endpoint.token, timeout=endpoint.timeout, headers=headers)


def _retry_after(header: str | None) -> float:
    """Return the seconds that a Retry-After header asks for, given in seconds or as a date (RFC 9110, 10.2.3)."""
    if not header:
        return 0.0
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    except ValueError:
        return 0.0
