"""The loopback Hub as the tests use it: a process of its own, what clients need in their environment, its orders."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.stage_server import StageServer

REPOSITORY = Path(__file__).parents[2]
WRITER, READER = "hf_loopbackwriter", "hf_loopbackreader"


class RunningHub:
    """A running server, and what to ask of it."""

    def __init__(self, url: str, root: Path, server: StageServer | None = None) -> None:
        self.url = url
        self.root = root
        self.server = server

    def environment(self, home: Path, token: str | None = WRITER) -> dict[str, str]:
        """Return the environment of a client whose HF_HOME is `home`: this Hub, plain LFS, nothing offline."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
        given = {
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(home),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_UPDATE_DOWNLOAD_COUNTS": "0",
        }
        return kept | given | ({"HF_TOKEN": token} if token else {})

    def run(
        self, home: Path, *command: object, token: str | None = WRITER, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run `python COMMAND` in the repository as such a client, in a process of its own; by the server if given."""
        environment = self.environment(home, token) | variables
        if self.server:
            return self.server.run(*command, environment=environment, seconds=0)
        words = [sys.executable, *map(str, command)]
        return subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, env=environment)

    def orders(self, *orders: dict[str, Any]) -> None:
        """Put faults in force in place of those before; see `tests/hub/faults.py`."""
        self._ask("PUT", "/control/faults", list(orders))

    def take_requests(self) -> list[str]:
        """Return what was asked since the last call, "METHOD PATH"."""
        return self._ask("DELETE", "/control/requests")

    def api(self, path: str) -> Any:
        """Return the answer to GET `path` for the owner's token."""
        return self._ask("GET", path)

    def text(self, path: str) -> str:
        """Return the file at `path`, [KINDS/]REPO/resolve/REV/FILE."""
        with urllib.request.urlopen(self._request("GET", f"/{path}")) as answer:
            return answer.read().decode()

    def files(self, repo: str) -> dict[str, str]:
        """Return path and content hash of each file on main of KINDS/REPO; .gitattributes is left out."""
        tree = self.api(f"/api/{repo}/tree/main?recursive=true")
        held = {file["path"]: file.get("lfs", file)["oid"] for file in tree if file["type"] == "file"}
        return {path: oid for path, oid in held.items() if path != ".gitattributes"}

    def commits(self, repo: str) -> list[dict[str, Any]]:
        """Return the commits of KINDS/REPO, the newest first."""
        return self.api(f"/api/{repo}/commits/main")

    def _request(self, method: str, path: str, body: Any = None) -> urllib.request.Request:
        data = None if body is None else json.dumps(body).encode()
        return urllib.request.Request(self.url + path, data, {"Authorization": f"Bearer {WRITER}"}, method=method)

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        with urllib.request.urlopen(self._request(method, path, body)) as answer:
            return json.loads(answer.read() or "null")


@contextmanager
def running_hub(root: Path, server: StageServer | None = None) -> Iterator[RunningHub]:
    """Yield a Hub with its state below `root`, which it continues if it exists. `server` runs the clients."""
    root.mkdir(parents=True, exist_ok=True)
    port_file = root / "port"
    port_file.unlink(missing_ok=True)
    process = subprocess.Popen([sys.executable, "-m", "tests.hub.server", root, port_file], cwd=REPOSITORY)
    try:
        while not (port_file.is_file() and port_file.read_text()):
            if process.poll() is not None:
                raise RuntimeError(f"the loopback Hub ended with {process.returncode}")
            time.sleep(0.02)
        hub = RunningHub(f"http://127.0.0.1:{port_file.read_text()}", root, server)
        while True:
            try:
                hub.take_requests()
                break
            except OSError:
                time.sleep(0.02)
        yield hub
    finally:
        process.kill()
        process.wait()
