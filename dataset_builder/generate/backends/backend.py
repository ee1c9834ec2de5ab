"""Define what a backend does, and select the backend of a run on the command line."""

import argparse
import os
import re
from collections.abc import Callable, Sequence
from typing import Protocol
from urllib.parse import urlsplit

from dataset_builder.corpus.manifest import BackendName
from dataset_builder.errors import InputError
from dataset_builder.generate.backends.http import HTTPBackend
from dataset_builder.generate.backends.in_process import TransformersBackend
from dataset_builder.generate.responses import OnResults, Request
from dataset_builder.teachers.teacher import Teacher


class Backend(Protocol):
    """A way to run a teacher's model; `name` is what the manifest calls it."""

    @property
    def name(self) -> BackendName: ...  # noqa: D102

    def respond(
        self, teacher: Teacher, requests: Sequence[Request], seed: int, share: slice, on_results: OnResults
    ) -> None:
        """Generate the responses to the `share` of this process; all processes get the same `requests`.

        Raises `InputError` if the model cannot be run.
        """
        ...


def add_backend_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of both backends."""
    command.add_argument(
        "--batch-size",
        type=_whole_number(1),
        metavar="N",
        help=f"papers in one batch in this process (default: {TransformersBackend.batch_size}); halved if memory runs "
        "out. A larger batch is faster; a stop loses one batch. Another N may change words in the pairs",
    )
    add = command.add_argument_group("use a server instead of a model in this process").add_argument
    add("--endpoint", metavar="URL", help="a server that speaks OpenAI's chat-completions protocol")
    add("--endpoint-model", metavar="NAME", help="name of the model on the server; default: the teacher's model")
    concurrency = f"requests at once; default: {HTTPBackend.concurrency}"
    add("--concurrency", type=_whole_number(1), metavar="N", help=concurrency)
    timeout = f"time limit of one response; default: {HTTPBackend.timeout:.0f}"
    add("--timeout", type=_seconds, metavar="SECONDS", help=timeout)
    retries = f"retries of a failed request; default: {HTTPBackend.retries}"
    add("--retries", type=_whole_number(0), metavar="N", help=retries)
    key = "environment variable with the server's key; default: HF_TOKEN for huggingface.co over https, else none"
    add("--token-variable", metavar="NAME", help=key)


def select_backend(arguments: argparse.Namespace, teacher: Teacher) -> Backend:
    """Return the backend that the arguments ask for; raises `InputError` for an option of the other backend."""
    server_options = ("endpoint_model", "concurrency", "timeout", "retries", "token_variable")
    misplaced = server_options if arguments.endpoint is None else ("batch_size",)
    reason = "needs a server; add" if arguments.endpoint is None else "is for a model in this process; leave out"
    for name in misplaced:
        if (value := getattr(arguments, name)) is not None:
            raise InputError(f"--{name.replace('_', '-')} {value}: {reason} --endpoint, or leave the option out")
    if arguments.endpoint is None:
        return TransformersBackend(arguments.batch_size or TransformersBackend.batch_size)
    if not re.match(r"https?://[^/]", arguments.endpoint):
        raise InputError(f"--endpoint {arguments.endpoint}: must be an http or https URL")
    options = {name: getattr(arguments, name) for name in ("concurrency", "timeout", "retries")}
    return HTTPBackend(
        url=arguments.endpoint,
        model=arguments.endpoint_model or teacher.model,
        token=find_key(arguments.endpoint, arguments.token_variable),
        **{name: value for name, value in options.items() if value is not None},
    )


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
    is_hub = parts.scheme == "https" and re.fullmatch(r"(.+\.)?huggingface\.co", parts.hostname or "")
    return os.environ.get("HF_TOKEN") or None if is_hub else None


def _whole_number(least: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"\d+", text) or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text}: must be a whole number, {least} or more")
        return int(text)

    return parse


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        raise argparse.ArgumentTypeError(f"{text}: must be a number above 0")
    return seconds
