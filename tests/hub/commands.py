"""Run commands against the loopback Hub, each in a copy of a process that has imported the libraries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.hub.running import WRITER, RunningHub
from tests.stage_server import LIBRARIES, StageServer, stage_server


@dataclass
class Done:
    """What came of a command: exit code, and standard output and error in one text."""

    code: int
    output: str


class Commands:
    """The process, seen from the tests."""

    def __init__(self, hub: RunningHub, home: Path, server: StageServer) -> None:
        self.hub = hub
        self.home = home
        self.server = server

    def run(self, module: str, *arguments: object, token: str | None = WRITER) -> Done:
        """Run `python -m MODULE ARGUMENTS`."""
        environment = self.hub.environment(self.home, token) | {"COLUMNS": "400"}
        done = self.server.run("-m", module, *arguments, environment=environment, seconds=0)
        return Done(done.returncode, done.stdout + done.stderr)


@contextmanager
def commands(hub: RunningHub, home: Path) -> Iterator[Commands]:
    """Yield the process for a Hub, with an HF_HOME of its own."""
    with stage_server(*LIBRARIES, "datasets", "evaluate", environment=hub.environment(home)) as server:
        yield Commands(hub, home, server)
