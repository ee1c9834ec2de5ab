"""Measurements of a command with all its processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.measured_command import disk_bytes, run_measured

# Two processes of 100 MiB each, for a second after both have it.
TWO_PROCESSES = """
import subprocess, sys, time
child = "import time; data = bytearray(b'x') * (100 << 20); time.sleep(2)"
process = subprocess.Popen([sys.executable, "-c", child])
data = bytearray(b"x") * (100 << 20)
process.wait()
"""


def test_memory_of_all_processes_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a command and its child together, which neither has by itself."""
    (tmp_path / "two_processes.py").write_text(TWO_PROCESSES)
    measured = run_measured("two_processes", environment={"PYTHONPATH": str(tmp_path)})
    assert 200 << 20 < measured.peak_memory < 300 << 20
    assert 0 < measured.cpu_seconds < 60


def test_failure_shows_the_output() -> None:
    """With the command that failed."""
    with pytest.raises(SystemExit, match=r"none_such: .*No module named none_such"):
        run_measured("none_such")


def test_file_with_two_links_counts_once(tmp_path: Path) -> None:
    """As in the cache of the Hub's client."""
    (tmp_path / "a").write_bytes(b"123")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/b").hardlink_to(tmp_path / "a")
    (tmp_path / "folder/c").symlink_to(tmp_path / "a")
    assert disk_bytes(tmp_path) == 3
