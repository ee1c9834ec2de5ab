"""Run a teacher on a server that speaks the chat-completions protocol, with many requests at once."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dataset_builder.corpus.manifest import BackendName, Response
from dataset_builder.errors import InputError
from dataset_builder.generate.backends.chat_client import TEMPORARY_STATUSES, RequestFailed, complete, open_client
from dataset_builder.generate.responses import PaperResult, Request, derive_seed
from dataset_builder.generate.schema import can_parse
from dataset_builder.teachers.teacher import Teacher

if TYPE_CHECKING:
    from openai import AsyncOpenAI

logger = logging.getLogger(__name__)

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
        self,
        teacher: Teacher,
        requests: Sequence[Request],
        seed: int,
        process: int,
        processes: int,
        on_results: Callable[[list[PaperResult]], None],
    ) -> None:
        """Generate the responses of this process, paper by paper; see `Backend.respond`.

        A paper whose requests fail stays unfinished. Raises `InputError` if the server is down or refuses everything.
        """
        own_requests = requests[process::processes]
        if own_requests:
            asyncio.run(_Session(self, teacher, seed, on_results).run(own_requests))


class _Session:
    """The requests of one run, with the failures so far and the time until which the server asked for a pause."""

    def __init__(
        self, backend: HTTPBackend, teacher: Teacher, seed: int, on_results: Callable[[list[PaperResult]], None]
    ) -> None:
        self.backend, self.teacher, self.seed, self.on_results = backend, teacher, seed, on_results
        self.reached = False
        self.failed_in_a_row = 0
        self.paused_until = 0.0

    async def run(self, requests: Sequence[Request]) -> None:
        queue = iter(requests)
        backend = self.backend

        async def work() -> None:
            for request in queue:
                await self._finish_paper(client, request)

        try:
            async with (
                open_client(backend.url, backend.token, backend.concurrency, backend.timeout) as client,
                asyncio.TaskGroup() as group,
            ):
                for _ in range(min(backend.concurrency, len(requests))):
                    group.create_task(work())
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def _finish_paper(self, client: AsyncOpenAI, request: Request) -> None:
        responses: list[Response] = []
        served_model = ""
        try:
            for attempt in range(self.teacher.limits.attempts):
                seed = derive_seed(self.seed, request.paper_id, attempt)
                served_model, response = await self._complete(client, request, seed)
                responses.append(response)
                if can_parse(response.text, self.teacher.limits):
                    break
        except RequestFailed as error:
            self.failed_in_a_row += 1
            logger.warning("%s: %s; the paper stays unfinished", request.paper_id, error)
            is_fatal = error.status in FATAL_STATUSES or error.retry_after > LONGEST_RETRY_AFTER
            if not self.reached or is_fatal or self.failed_in_a_row >= FAILURES_IN_A_ROW:
                raise InputError(
                    f"--endpoint {self.backend.url}: {error}. Finished papers are kept: check the server, its "
                    "address, the model's name and the key, and run the same command again"
                ) from error
        else:
            self.failed_in_a_row = 0
            result = PaperResult(
                paper_id=request.paper_id,
                request_sha256=request.sha256,
                made_by=f"a server, as {served_model}",
                responses=responses,
            )
            self.on_results([result])

    async def _complete(self, client: AsyncOpenAI, request: Request, seed: int) -> tuple[str, Response]:
        """Return the server's name of the model, and one response; raises `RequestFailed` if all tries fail."""
        backend = self.backend
        tries = 0
        while True:
            await asyncio.sleep(_extend(max(0.0, self.paused_until - time.monotonic())))
            tries += 1
            try:
                response = await complete(
                    client, backend.model, self.teacher, request, seed, with_key=backend.token is not None
                )
            except RequestFailed as error:
                self.reached = self.reached or error.status is not None
                is_permanent = error.status is not None and error.status not in TEMPORARY_STATUSES
                most_tries = backend.retries + 1 if self.reached else min(TRIES_TO_REACH, backend.retries + 1)
                if is_permanent or error.retry_after > LONGEST_RETRY_AFTER or tries >= most_tries:
                    raise
                self.paused_until = max(self.paused_until, time.monotonic() + error.retry_after)
                pause = _extend(max(error.retry_after, backend.backoff * 2 ** (tries - 1)))
                logger.info("%s: %s; next try in %.1f s", request.paper_id, error, pause)
                await asyncio.sleep(pause)
            else:
                self.reached = True
                return response


def _extend(pause: float) -> float:
    return pause * random.uniform(1.0, 1.5)
