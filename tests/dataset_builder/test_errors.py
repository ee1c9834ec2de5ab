"""Errors without a traceback."""

from __future__ import annotations

import errno
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from dataset_builder.errors import InputError, exit_on_input_error, print_error


def test_full_disk_is_one_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By the operating system's limit on the size of a file: for Python's own writer and for that of safetensors."""
    import torch
    from safetensors.torch import save_file

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(SystemExit) as stopped, exit_on_input_error():
            (tmp_path / "file").write_bytes(bytes(2000))
        assert stopped.value.code == 2
        with pytest.raises(SystemExit), exit_on_input_error():
            save_file({"weight": torch.zeros(1000)}, tmp_path / "model.safetensors")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    lines = capsys.readouterr().err.splitlines()
    assert [" cannot be written (" in line for line in lines] == [True, True]
    assert all(
        line.endswith("; make room or choose another folder, then run the same command again") for line in lines
    )


def test_other_failures_keep_their_traceback() -> None:
    """A missing file is not a full disk."""
    with pytest.raises(OSError, match="gone"), exit_on_input_error():
        raise OSError(errno.ENOENT, "gone")


@pytest.fixture
def _sigint_as_before() -> Iterator[None]:
    handler = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, handler)


@pytest.mark.usefixtures("_sigint_as_before")
@pytest.mark.parametrize(
    ("text", "remedy"),
    [((), "run the same command again to continue"), (("it resumes from runs/x",), "it resumes from runs/x")],
)
def test_interruption_is_one_message(text: tuple[str, ...], remedy: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 130; a second Ctrl-C while the process ends adds no traceback."""
    with pytest.raises(SystemExit) as stopped, exit_on_input_error():
        raise KeyboardInterrupt(*text)
    signal.raise_signal(signal.SIGINT)
    assert stopped.value.code == 130
    assert capsys.readouterr().err == f"error: interrupted: {remedy}\n"


def test_one_of_several_processes_prints_the_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each leaves it in its own file for the launcher, which shows one of them."""
    for rank in (0, 1):
        monkeypatch.setenv("LOCAL_RANK", str(rank))
        monkeypatch.setenv("TORCHELASTIC_ERROR_FILE", str(tmp_path / f"error{rank}.json"))
        with pytest.raises(SystemExit), exit_on_input_error():
            raise InputError("bad")
        assert '"error: bad"' in (tmp_path / f"error{rank}.json").read_text()
    assert capsys.readouterr().err == "error: bad\n"
    # accelerate sets LOCAL_RANK for one process, too, but no file.
    monkeypatch.delenv("TORCHELASTIC_ERROR_FILE")
    print_error("bad")
    assert capsys.readouterr().err == "error: bad\n"
