"""A process that imports libraries once, and then runs each command of the tests in a copy of itself.

A stage that trains or evaluates needs several seconds to import torch and transformers. The copies are made by
fork(2): each command has a process, an environment and an exit code of its own, and a test can kill it. All copies
have the same seed of Python's hashes. A test of the imports, or of the order of sets, starts a new process instead.

Each line on standard input is {"number", "words", "environment", "seconds"}. Each answer is {"number", "code",
"output", "errors"}.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[1]
# These libraries read no variable of the Hub.
LIBRARIES = (
    *("bs4", "httpx2", "matplotlib.pyplot", "openai", "pandas", "pyarrow.parquet", "rich.console", "scipy.stats"),
    *("sklearn", "torch"),
)
# These libraries read variables such as HF_HOME when they are imported, so they serve one environment only.
HUB_LIBRARIES = (
    *("accelerate", "datasets", "evaluate", "peft", "sentence_transformers", "transformers.generation"),
    *("transformers.models.bert.modeling_bert", "transformers.models.gpt2.modeling_gpt2", "transformers.trainer"),
    *("transformers.models.llama.modeling_llama", "trl.trainer.sft_trainer"),
)
# The libraries read these variables at import, too. A stage sets them before; see `dataset_builder.command`.
QUIET = {
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "TORCH_CPP_LOG_LEVEL": "ERROR",
}


class StageServer:
    """The process, seen from the tests."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.orders = 0

    def run(self, *words: object, environment: Mapping[str, str], seconds: int) -> subprocess.CompletedProcess[str]:
        """Run `python WORDS` in the repository, that is `-m MODULE ...` or `-c CODE ...`.

        After `seconds` the command ends by SIGALRM; 0 is no limit.
        """
        command = [str(word) for word in words]
        self.orders += 1
        order = {"number": self.orders, "words": command, "environment": dict(environment), "seconds": seconds}
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        while answer["number"] != self.orders:  # The timeout of an earlier test left its answer unread.
            answer = json.loads(self.process.stdout.readline())
        return subprocess.CompletedProcess(command, answer["code"], answer["output"], answer["errors"])


@contextmanager
def stage_server(*libraries: str, environment: Mapping[str, str] = os.environ) -> Iterator[StageServer]:
    """Yield a process that has imported `libraries` in an environment, and end it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.stage_server", *libraries],
        cwd=REPOSITORY,
        env={**environment, **QUIET},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield StageServer(process)
    finally:
        process.stdin.close()
        process.wait()


def serve(libraries: list[str]) -> None:
    """Run the commands that standard input names, until it ends."""
    for library in libraries:
        importlib.import_module(library)
    # The collector of a copy then leaves the memory that it shares with this process as it is.
    gc.freeze()
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        order = json.loads(line)
        with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
            child = os.fork()
            if child == 0:
                _become_command(order, output.fileno(), errors.fileno())
            _, status = os.waitpid(child, 0)
            output.seek(0)
            errors.seek(0)
            answer = {"number": order["number"], "code": os.waitstatus_to_exitcode(status)}
            answer |= {"output": output.read(), "errors": errors.read()}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _become_command(order: dict[str, Any], output: int, errors: int) -> None:
    """Run the command in this process, and exit."""
    signal.alarm(order["seconds"])
    for descriptor, target in ((os.open(os.devnull, os.O_RDONLY), 0), (output, 1), (errors, 2)):
        os.dup2(descriptor, target)
    os.environ.clear()
    os.environ.update(order["environment"])
    option, program, *words = order["words"]
    if option == "-m":
        sys.argv = [program, *words]
        runpy.run_module(program, run_name="__main__", alter_sys=True)
    else:
        sys.argv = [option, *words]
        exec(compile(program, "<string>", "exec"), {"__name__": "__main__"})
    sys.exit()


if __name__ == "__main__":
    serve(sys.argv[1:])
