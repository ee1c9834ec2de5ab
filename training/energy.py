"""The energy of a run, where the machine tells it: the processor's counters, and the GPUs' power."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

# One directory a processor package, with a counter of microjoules that starts anew at its maximum:
# https://www.kernel.org/doc/html/latest/power/powercap/powercap.html
POWERCAP = Path("/sys/class/powercap")
SECONDS_BETWEEN_READINGS = 10.0


class EnergyMeter:
    """Adds up the energy of processor packages and GPUs while it is read; `joules` is None where neither can be."""

    def __init__(self, powercap: Path = POWERCAP) -> None:
        self._packages = [package for package in powercap.glob("intel-rapl:?") if _readable(package / "energy_uj")]
        self._gpus = shutil.which("nvidia-smi") is not None
        self._counters = [self._counter(package) for package in self._packages]
        self._read_at = time.monotonic()
        self.joules: float | None = 0.0 if self._packages or self._gpus else None

    def read(self, now: float | None = None, at_once: bool = False) -> None:
        """Add what was used since the last reading, unless that was less than ten seconds ago and not `at_once`.

        The counters of processors wrap around about every quarter of an hour under load, so they must be read along
        the way; a GPU tells its power, which is taken to have lasted since the last reading.
        """
        now = time.monotonic() if now is None else now
        if self.joules is None or (now - self._read_at < SECONDS_BETWEEN_READINGS and not at_once):
            return
        for number, package in enumerate(self._packages):
            counter = self._counter(package)
            used = counter - self._counters[number]
            if used < 0:
                used += int((package / "max_energy_range_uj").read_text())
            self._counters[number] = counter
            self.joules += used / 1e6
        if self._gpus:
            self.joules += _gpu_watts() * (now - self._read_at)
        self._read_at = now

    @staticmethod
    def _counter(package: Path) -> int:
        return int((package / "energy_uj").read_text())


def _readable(path: Path) -> bool:
    """Return whether the counter can be read: since 2020 the kernel gives it to root alone."""
    try:
        return path.read_text().strip().isdigit()
    except OSError:
        return False


def _gpu_watts() -> float:
    query = ["nvidia-smi", "--query-gpu=power.draw", "--format=csv,noheader,nounits"]
    told = subprocess.run(query, capture_output=True, text=True).stdout.split()
    return sum(float(watts) for watts in told if watts.replace(".", "", 1).isdigit())
