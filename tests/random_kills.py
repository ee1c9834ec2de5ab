"""Kill a command with SIGKILL at random moments."""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

LONGEST_RUN = 600.0


@dataclass(frozen=True)
class KilledCommand:
    """A command to kill: `start` starts it in a session of its own, and `has_begun` tells whether it has written."""

    start: Callable[[], subprocess.Popen[bytes]]
    has_begun: Callable[[], bool]

    def measure(self) -> tuple[float, float]:
        """Run the command to its end, and return its seconds, and those until it writes."""
        begun = time.monotonic()
        process = self.start()
        self._wait_for_work(process)
        until_work = time.monotonic() - begun
        assert process.wait(LONGEST_RUN) == 0, "the command fails without a kill"
        return time.monotonic() - begun, until_work

    def kills(self, count: int, seed: int, seconds: tuple[float, float]) -> Iterator[tuple[bool, str]]:
        """Yield whether a start was killed, and a name for it, until the command was killed `count` times.

        `seconds` is what `measure` returned. Half of the kills come after the first write, because imports and checks
        take most of the time.
        """
        killed = 0
        for number in itertools.count():
            if killed == count:
                return
            draw = random.Random(f"{seed} kill {number}")
            was_killed, moment = self._kill(draw, seconds, in_work=number % 2 == 0)
            killed += was_killed
            yield was_killed, f"kill {number} of seed {seed} ({moment})"

    def _kill(self, draw: random.Random, seconds: tuple[float, float], in_work: bool) -> tuple[bool, str]:
        """Start the command and kill it at a random moment; return whether it was killed, and the moment.

        `seconds` is what `measure` returned. With `in_work` the moment is after the command has begun to write.
        """
        total, until_work = seconds
        delay = draw.uniform(0.0, total - until_work if in_work else total)
        process = self.start()
        if in_work:
            self._wait_for_work(process)
        try:
            process.wait(delay)
        except subprocess.TimeoutExpired:
            # With the processes that it has started.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        return process.returncode == -signal.SIGKILL, f"{delay:.2f} s{' after the first write' if in_work else ''}"

    def _wait_for_work(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + LONGEST_RUN
        while process.poll() is None and not self.has_begun():
            assert time.monotonic() < deadline, "the command does not begin to write"
            time.sleep(0.01)
