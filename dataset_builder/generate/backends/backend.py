"""Define what every backend does."""

from collections.abc import Callable, Sequence
from typing import Protocol

from dataset_builder.corpus.manifest import BackendName
from dataset_builder.generate.responses import PaperResult, Request
from dataset_builder.teachers.teacher import Teacher


class Backend(Protocol):
    """A way to run a teacher's model; `name` is what the manifest calls it."""

    @property
    def name(self) -> BackendName: ...  # noqa: D102

    def respond(
        self,
        teacher: Teacher,
        requests: Sequence[Request],
        seed: int,
        process: int,
        processes: int,
        on_results: Callable[[list[PaperResult]], None],
    ) -> None:
        """Generate the responses to the share of `requests` that belongs to the process `process` of `processes`.

        All processes get the same `requests`. `on_results` is called with each batch of results as soon as it is
        finished. Raises `InputError` if the model cannot be run.
        """
        ...
