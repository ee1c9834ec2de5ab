"""Choose the backend on the command line."""

from __future__ import annotations

import argparse
import re

from dataset_builder.errors import InputError
from dataset_builder.generate.backends.backend import Backend
from dataset_builder.generate.backends.chat_client import find_key
from dataset_builder.generate.backends.http import HTTPBackend
from dataset_builder.generate.backends.in_process import BATCH_SIZE, TransformersBackend
from dataset_builder.teachers.teacher import Teacher


def add_backend_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of both backends."""
    command.add_argument(
        "--batch-size",
        type=_positive_int,
        metavar="N",
        help="papers at once in this process, halved where memory runs out. A larger batch is faster; a kill loses "
        f"the papers of one batch. The same N gives the same pairs; another N may change words. Default: {BATCH_SIZE}",
    )
    server = command.add_argument_group("a server instead of a model in this process")
    server.add_argument("--endpoint", metavar="URL", help="a server that speaks OpenAI's chat-completions protocol")
    server.add_argument(
        "--endpoint-model", metavar="NAME", help="the server's name of the model; default: the teacher's model"
    )
    server.add_argument(
        "--concurrency",
        type=_positive_int,
        metavar="N",
        help=f"requests at once; default: {HTTPBackend.concurrency}",
    )
    server.add_argument(
        "--timeout",
        type=_positive_float,
        metavar="SECONDS",
        help=f"time limit of one response; default: {HTTPBackend.timeout:.0f}",
    )
    server.add_argument(
        "--retries", type=_retries, metavar="N", help=f"retries of a failed request; default: {HTTPBackend.retries}"
    )
    server.add_argument(
        "--token-variable",
        metavar="NAME",
        help="environment variable with the server's key; default: HF_TOKEN for huggingface.co over https, and no key "
        "for any other server",
    )


def select_backend(arguments: argparse.Namespace, teacher: Teacher) -> Backend:
    """Return the backend that the arguments ask for; raises `InputError` for an option of the other backend."""
    settings = {name: getattr(arguments, name) for name in ("concurrency", "timeout", "retries")}
    server_only = {**settings, "endpoint_model": arguments.endpoint_model, "token_variable": arguments.token_variable}
    if arguments.endpoint is None:
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
        **{name: value for name, value in settings.items() if value is not None},
    )


def _positive_float(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text}: must be a number") from None
    if not number > 0:
        raise argparse.ArgumentTypeError(f"{text}: must be above 0")
    return number


def _positive_int(text: str) -> int:
    if not re.fullmatch(r"\d+", text) or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text}: must be a whole number above 0")
    return int(text)


def _retries(text: str) -> int:
    if not re.fullmatch(r"\d+", text):
        raise argparse.ArgumentTypeError(f"{text}: must be a whole number, 0 or more")
    return int(text)
