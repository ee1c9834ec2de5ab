"""Run the server of tests/chat_server.py in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.conftest import REPOSITORY


@contextmanager
def serving(folder: Path, script: dict[str, list[str]] | None = None) -> Iterator[tuple[str, Path]]:
    """Yield the URL of a running server and the file that it logs requests to."""
    (folder / "script.json").write_text(json.dumps(script or {}))
    log = folder / "log.jsonl"
    log.touch()
    command = [sys.executable, "-m", "tests.chat_server", str(folder / "script.json"), str(log)]
    server = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
    try:
        yield f"http://127.0.0.1:{server.stdout.readline().strip()}/v1", log
    finally:
        server.kill()
        server.wait()


def requests_in(log: Path) -> list[dict[str, Any]]:
    """Return what the server has logged."""
    return [json.loads(line) for line in log.read_text().splitlines()]
