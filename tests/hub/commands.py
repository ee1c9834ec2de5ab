"""One process that runs many of the project's commands against the loopback Hub, for the tests of what goes wrong.

Each line on standard input is {"module", "arguments", "token"}; each answer is {"code", "output", "waits"}. The client
is the real one, but for `time.sleep`, which notes how long it was to wait and does not: importing the libraries anew,
and the client's waits of 1, 2, 4 and 8 seconds after a fault, would make minutes of seconds.
"""

from __future__ import annotations

import json
import logging
import os
import runpy
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.hub.running import REPOSITORY, WRITER, RunningHub


@dataclass
class Done:
    """What came of a command: exit code, standard output and error in one text, and the seconds it was to wait."""

    code: int
    output: str
    waits: list[float]


class Commands:
    """The process, seen from the tests."""

    def __init__(self, hub: RunningHub, process: subprocess.Popen[str]) -> None:
        self.hub = hub
        self.process = process

    def run(self, module: str, *arguments: object, token: str | None = WRITER) -> Done:
        """Run `python -m MODULE ARGUMENTS`, as it were."""
        order = {"module": module, "arguments": [str(word) for word in arguments], "token": token}
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return Done(**json.loads(self.process.stdout.readline()))


@contextmanager
def commands(hub: RunningHub, home: Path) -> Iterator[Commands]:
    """Yield the process for a Hub, with an HF_HOME of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.hub.commands"],
        cwd=REPOSITORY,
        env=hub.environment(home) | {"COLUMNS": "400"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Commands(hub, process)
    finally:
        process.stdin.close()
        process.wait()


def serve() -> None:
    """Run the commands that standard input names, until it ends."""
    answers = os.fdopen(os.dup(1), "w")
    waits: list[float] = []
    time.sleep = waits.append
    for line in sys.stdin:
        order = json.loads(line)
        os.environ.pop("HF_TOKEN", None)
        if order["token"]:
            os.environ["HF_TOKEN"] = order["token"]
        waits.clear()
        logging.getLogger().handlers.clear()
        with tempfile.TemporaryFile("w+") as output:
            # The descriptors and not sys.stdout: loggers keep the stream that they found at their first import.
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
            sys.argv = [order["module"], *order["arguments"]]
            code = 0
            try:
                runpy.run_module(order["module"], run_name="__main__", alter_sys=True)
            except SystemExit as end:
                code = end.code or 0
            except BaseException:
                traceback.print_exc()
                code = 1
            sys.stdout.flush()
            sys.stderr.flush()
            output.seek(0)
            answers.write(json.dumps({"code": code, "output": output.read(), "waits": waits}) + "\n")
            answers.flush()


if __name__ == "__main__":
    serve()
