"""Select the backend of a run on the command line."""

import argparse
import os
import re
from collections.abc import Callable
from urllib.parse import urlsplit

from dataset_builder.errors import InputError
from dataset_builder.generate.backends.backend import Backend
from dataset_builder.generate.backends.http import HTTPBackend
from dataset_builder.generate.backends.in_process import BATCH_SIZE, TransformersBackend
from dataset_builder.teachers.teacher import Teacher

HUGGING_FACE = "huggingface.co"


def add_backend_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of both backends."""
    command.add_argument(
        "--batch-size",
        type=_whole_number(1),
        metavar="N",
        help="papers at once in this process, halved where memory runs out. A larger batch is faster; a kill loses "
        f"the papers of one batch. The same N gives the same pairs; another N may change words. Default: {BATCH_SIZE}",
    )
    add = command.add_argument_group("a server instead of a model in this process").add_argument
    add("--endpoint", metavar="URL", help="a server that speaks OpenAI's chat-completions protocol")
    add("--endpoint-model", metavar="NAME", help="the server's name of the model; default: the teacher's model")
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
    options = {name: getattr(arguments, name) for name in ("concurrency", "timeout", "retries")}
    if arguments.endpoint is None:
        server_only = options | {name: getattr(arguments, name) for name in ("endpoint_model", "token_variable")}
        for name, value in server_only.items():
            if value is not None:
                raise InputError(
                    f"--{name.replace('_', '-')} {value}: needs a server, and there is no --endpoint; add --endpoint "
                    "URL, or leave the option out"
                )
        return TransformersBackend(arguments.batch_size or BATCH_SIZE)
    if arguments.batch_size is not None:
        raise InputError(
            f"--batch-size {arguments.batch_size}: is for a model in this process, and --endpoint uses a server; "
            "leave one of the two out (--concurrency sets the number of requests at once)"
        )
    if not re.match(r"https?://[^/]", arguments.endpoint):
        raise InputError(f"--endpoint {arguments.endpoint}: must be an http or https URL")
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
    host = parts.hostname or ""
    is_hub = parts.scheme == "https" and (host == HUGGING_FACE or host.endswith(f".{HUGGING_FACE}"))
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
