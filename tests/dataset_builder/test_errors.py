"""Errors without a traceback."""

from __future__ import annotations

import errno
import resource
from pathlib import Path

import pytest

from dataset_builder.errors import exit_on_input_error


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
