"""Send one request to a server that speaks the chat-completions protocol."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from dataset_builder.corpus.manifest import Response
from dataset_builder.errors import InputError
from dataset_builder.generate.responses import Request
from dataset_builder.generate.schema import response_schema
from dataset_builder.retry_after import parse_retry_after
from dataset_builder.teachers.teacher import Teacher

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from openai.types.chat import ChatCompletion

HUGGING_FACE = "huggingface.co"
# Another try may succeed after these.
TEMPORARY_STATUSES = (408, 409, 425, 429, 500, 502, 503, 504)


class RequestFailed(Exception):
    """A request without a response: the HTTP status or None, and the pause that the server asks for, in seconds.

    The message does not contain the key.
    """

    def __init__(self, message: str, status: int | None = None, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.status, self.retry_after = status, retry_after


@asynccontextmanager
async def open_client(url: str, token: str | None, connections: int, timeout: float) -> AsyncIterator[AsyncOpenAI]:
    """Yield a client of the server at `url`, which may end in /v1 or not; `timeout` is in seconds.

    It sends each request once: the caller retries, since the library obeys a Retry-After of at most two minutes.
    """
    from httpx2 import AsyncClient, Limits
    from openai import AsyncOpenAI

    parts = urlsplit(url)
    path = parts.path.rstrip("/")
    if path.endswith("/chat/completions"):
        path = path.removesuffix("/chat/completions")
    elif not path.endswith("/v1"):
        path += "/v1"
    async with AsyncOpenAI(
        base_url=parts._replace(path=path, query="").geturl(),
        default_query=dict(parse_qsl(parts.query)),
        # The library requires a key; `complete` leaves out the header.
        api_key=token or "none",
        timeout=timeout,
        max_retries=0,
        http_client=AsyncClient(limits=Limits(max_connections=connections), follow_redirects=True),
    ) as client:
        yield client


async def complete(
    client: AsyncOpenAI, model: str, teacher: Teacher, request: Request, seed: int, with_key: bool
) -> tuple[str, Response]:
    """Return the server's name of the model, and one response; raises `RequestFailed`.

    `model` is the name to ask for. Without `with_key` no Authorization header is sent.
    """
    import openai

    # The library would take organization and project from the environment; they are for OpenAI only.
    left_out = ["OpenAI-Organization", "OpenAI-Project", *([] if with_key else ["Authorization"])]
    # Plain dictionaries in place of the library's typed ones.
    messages: Any = request.messages
    wanted_format: Any = response_format(teacher)
    try:
        completion: ChatCompletion = await client.chat.completions.create(
            model=model,
            messages=messages,
            max_tokens=teacher.limits.new_tokens,
            temperature=teacher.sampling.temperature,
            top_p=teacher.sampling.top_p,
            seed=seed,
            response_format=wanted_format,
            extra_headers={name: openai.omit for name in left_out},
        )
        choice = completion.choices[0]
        return completion.model, Response(
            seed=seed,
            text=choice.message.content or "",
            finish_reason=choice.finish_reason or "stop",
            tokens=completion.usage.completion_tokens if completion.usage else 0,
        )
    except openai.APIStatusError as error:
        status = error.status_code
        said = "" if status in TEMPORARY_STATUSES else f" ({' '.join(error.response.text.split())[:200]})"
        pause = parse_retry_after(error.response.headers.get("Retry-After"))
        raise RequestFailed(f"HTTP {status}{said}", status, pause or 0.0) from None
    except openai.APITimeoutError:
        raise RequestFailed("no response in time") from None
    except openai.APIConnectionError as error:
        cause = error.__cause__ or error
        raise RequestFailed(f"the connection failed ({type(cause).__name__})") from None
    except (openai.APIError, ValueError, KeyError, TypeError, IndexError, AttributeError):
        raise RequestFailed("the answer does not follow the chat-completions protocol") from None


def response_format(teacher: Teacher) -> dict[str, Any]:
    """Return the response_format that constrains a server to the schema, as OpenAI, vLLM and llama.cpp read it.

    The list is inside an object, since OpenAI accepts no other schema
    (https://platform.openai.com/docs/guides/structured-outputs, "Root objects"). TGI reads another format, with the
    schema under "value" (huggingface/text-generation-inference, pull request 3276).
    """
    schema = {
        "type": "object",
        "properties": {"pairs": response_schema(teacher.limits)},
        "required": ["pairs"],
        "additionalProperties": False,
    }
    return {"type": "json_schema", "json_schema": {"name": "pairs", "schema": schema, "strict": True}}


def find_key(url: str, variable: str | None) -> str | None:
    """Return the key for the server at `url`: the value of the environment variable `variable`, if one is named.

    Otherwise it is the value of HF_TOKEN for the hosts of Hugging Face over https, and None for every other server.
    Raises `InputError` for a named variable that is not set.
    """
    if variable is not None:
        if not os.environ.get(variable):
            raise InputError(f"--token-variable {variable}: is not set; export it, or leave the option out")
        return os.environ[variable]
    parts = urlsplit(url)
    host = parts.hostname or ""
    is_hub = parts.scheme == "https" and (host == HUGGING_FACE or host.endswith(f".{HUGGING_FACE}"))
    return os.environ.get("HF_TOKEN") or None if is_hub else None
