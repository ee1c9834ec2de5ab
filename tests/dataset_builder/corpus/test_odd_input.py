"""Odd input of the build: each kind ends in a corpus, or in one message with exit code 2 and nothing changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.odd_input import KINDS, Kind, check_build


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_odd_input_is_built_or_refused_with_one_message(sources: Path, kind: Kind) -> None:
    """`check_build` compares the rows with the input, and all files with what they were."""
    kind.change(sources)
    code, message = check_build(sources)
    assert (code, kind.message in message) == (kind.code, True), message
