"""Define what a backend does, and select the backend of a run on the command line."""

import argparse
from collections.abc import Sequence
from typing import Protocol

from dataset_builder.command import whole_number
from dataset_builder.corpus.manifest import BackendName
from dataset_builder.errors import InputError
from dataset_builder.generate.backends.http import HTTPBackend
from dataset_builder.generate.backends.in_process import TransformersBackend
from dataset_builder.generate.responses import OnResults, Request
from dataset_builder.server.settings import add_server_options, find_server, read_server_options
from dataset_builder.teachers.teacher import Teacher


class Backend(Protocol):
    """A way to run a teacher's model; `name` is what the manifest calls it, and `served_model` the server's model."""

    @property
    def name(self) -> BackendName: ...  # noqa: D102

    @property
    def served_model(self) -> str | None: ...  # noqa: D102

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
        type=whole_number(1),
        metavar="N",
        help=f"papers in one batch in this process (default: {TransformersBackend.batch_size}); halved if memory runs "
        "out. A larger batch is faster. A run that stops loses one batch. Another N may change words in the pairs",
    )
    add = command.add_argument_group("use a server instead of a model in this process").add_argument
    add("--endpoint", metavar="URL", help="a server that speaks OpenAI's chat-completions protocol")
    add("--endpoint-model", metavar="NAME", help="name of the model on the server; default: the teacher's model")
    add_server_options(add)


def select_backend(arguments: argparse.Namespace, teacher: Teacher) -> Backend:
    """Return the backend that the arguments ask for; raises `InputError` for an option of the other backend."""
    options = read_server_options(arguments)
    if arguments.endpoint is None:
        misplaced = {"--endpoint-model": arguments.endpoint_model, **options.given()}
        reason = "needs a server; add"
    else:
        misplaced = {"--batch-size": arguments.batch_size}
        reason = "is for a model in this process; leave out"
    for option, value in misplaced.items():
        if value is not None:
            raise InputError(f"{option} {value}: {reason} --endpoint, or leave the option out")
    if arguments.endpoint is None:
        return TransformersBackend(arguments.batch_size or TransformersBackend.batch_size)
    model = arguments.endpoint_model or teacher.model
    return HTTPBackend(find_server(f"--endpoint {arguments.endpoint}", arguments.endpoint, model, options))
