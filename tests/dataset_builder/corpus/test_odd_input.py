"""Odd input of the build: each kind ends in a corpus, or in one message with exit code 2 and nothing changed."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from tests.checked_build import build_words, check_build, run_in_process, snapshot
from tests.odd_input import KINDS, Kind


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_odd_input_is_built_or_refused_with_one_message(sources: Path, kind: Kind) -> None:
    """`check_build` compares the rows with the input, and all files with what they were."""
    kind.change(sources)
    code, message = check_build(sources)
    assert (code, kind.message in message) == (kind.code, True), message


@pytest.mark.parametrize("option", ["--papers", "--qa", "--train-teacher", "--out"])
def test_name_that_is_too_long_is_refused_with_one_message(sources: Path, option: str) -> None:
    """Linux takes at most 255 bytes."""
    before = snapshot(sources)
    name = "x" * 300 if option == "--train-teacher" else f"{sources}/{'x' * 300}"
    code, message = run_in_process([*build_words(sources), option, name])
    assert (code, message.count("\n"), message[:7]) == (2, 1, "error: ")
    assert snapshot(sources) == before


def test_file_that_may_not_be_read_is_refused_with_one_message(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests may run as root, who may read every file, so opening it fails here."""
    import hashlib

    def refuse(file: object, _: str) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(file))

    monkeypatch.setattr(hashlib, "file_digest", refuse)
    code, message = run_in_process(build_words(sources))
    assert (code, message.count("\n"), "isca_2020.jsonl" in message) == (2, 1, True), message
    assert "Permission denied; correct the path, or what is there" in message
