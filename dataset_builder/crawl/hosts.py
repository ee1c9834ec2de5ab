"""Send each host one request at a time, with a pause after each."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock


class Hosts:
    """The hosts of a crawl, by name and port: when each may be asked again, and how often it was asked."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        # Hosts that asked for a longer pause than the crawl will wait.
        self.closed: set[str] = set()
        self._locks: dict[str, Lock] = defaultdict(Lock)
        self._free_at: dict[str, float] = defaultdict(float)
        self._guard = Lock()

    @contextmanager
    def turn(self, host: str, pause: float) -> Iterator[None]:
        """Reserve a host for one request: wait until its pause is over, and start the next pause at the end."""
        with self._guard:
            lock = self._locks[host]
        with lock:
            time.sleep(max(0.0, self._free_at[host] - time.monotonic()))
            try:
                yield
            finally:
                self.pause(host, pause)

    def pause(self, host: str, seconds: float) -> None:
        """Send the host no request for at least this many seconds."""
        self._free_at[host] = max(self._free_at[host], time.monotonic() + seconds)
