"""Define a model on a server, and the options of a command that sends requests to one."""

import argparse
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from dataset_builder.command import whole_number
from dataset_builder.errors import InputError


@dataclass(frozen=True)
class Server:
    """A model on a server that speaks OpenAI's protocol.

    `url` is the server's address, with or without /v1; `model` the server's name of the model; `token` the key for the
    Authorization header. At most `concurrency` requests are sent at once. `timeout`, in seconds, is for one response.
    `backoff`, in seconds, is the pause before the second try of a request; it doubles with each of the `retries`,
    unless the server's Retry-After asks for more.
    """

    url: str
    model: str
    token: str | None = field(default=None, repr=False)
    concurrency: int = 32
    timeout: float = 600.0
    retries: int = 6
    backoff: float = 1.0


@dataclass(frozen=True)
class ServerOptions:
    """The options of `add_server_options`, None for an option that is not given."""

    concurrency: int | None = None
    token_variable: str | None = None

    def given(self) -> dict[str, str | int]:
        """Return the values of the given options by name."""
        return {f"--{name.replace('_', '-')}": value for name, value in vars(self).items() if value is not None}


def add_server_options(add: Callable[..., argparse.Action]) -> None:
    """Add the options of requests to a server by `add`, the `add_argument` of a command or of a group."""
    concurrency = f"requests at once; default: {Server.concurrency}"
    add("--concurrency", type=whole_number(1), metavar="N", help=concurrency)
    key = "environment variable with the server's key; default: HF_TOKEN for huggingface.co over https, else none"
    add("--token-variable", metavar="NAME", help=key)


def read_server_options(arguments: argparse.Namespace) -> ServerOptions:
    """Return the options that `add_server_options` added."""
    return ServerOptions(arguments.concurrency, arguments.token_variable)


def find_server(source: str, url: str, model: str, options: ServerOptions) -> Server:
    """Return the server at `url` with its key.

    Raises `InputError` for a wrong address, which the message names as `source`, and for a wrong `token_variable`.
    """
    if not _is_address(url):
        raise InputError(f"{source}: must be an http or https URL")
    if "@" in urlsplit(url).netloc:
        # The address itself is written to files and messages, and so would be the password.
        address = re.sub(r"//[^/]*@", "//", url)
        raise InputError(
            f"the server {address}: its address contains a user or password, which would be stored; put the key into "
            "an environment variable, and name it with --token-variable"
        )
    key = find_key(url, options.token_variable)
    return Server(url, model, key, options.concurrency or Server.concurrency)


def find_key(url: str, variable: str | None) -> str | None:
    """Return the key for the server at `url`: the value of the environment variable `variable`, if one is named.

    Otherwise it is the value of HF_TOKEN for the hosts of Hugging Face over https, and None for every other server.
    Raises `InputError` for a named variable that is not set, and for a key that an HTTP header cannot hold.
    """
    if variable is None:
        parts = urlsplit(url)
        is_hub = parts.scheme == "https" and re.fullmatch(r"(.+\.)?huggingface\.co", parts.hostname or "")
        return os.environ.get("HF_TOKEN") or None if is_hub else None
    key = os.environ.get(variable)
    if not key:
        raise InputError(f"--token-variable {variable}: is not set; export it, or leave the option out")
    if not (key.isascii() and key.isprintable()):
        problem = "its value has a line break or a character that is not ASCII"
        raise InputError(f"--token-variable {variable}: {problem}; export only the key")
    return key


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        # Reading the port checks it.
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
