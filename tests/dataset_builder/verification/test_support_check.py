"""Test the options of the check by a verifier: which threshold it takes, and what it refuses."""

import argparse
from pathlib import Path

import pytest

from dataset_builder.errors import InputError
from dataset_builder.verification.load import find_verifier
from dataset_builder.verification.support_check import SupportCheck, add_verifier_arguments, find_support_check


def _find(*words: object) -> SupportCheck | None:
    command = argparse.ArgumentParser()
    add_verifier_arguments(command, "of a test")
    return find_support_check(command.parse_args([str(word) for word in words]))


def test_threshold_is_the_verifiers_own_unless_given(verifier: Path) -> None:
    """Without `--verifier` nothing is checked."""
    own, given = _find("--verifier", verifier), _find("--verifier", verifier, "--verifier-threshold", 0.25)
    assert own and given
    assert own.threshold == find_verifier("--verifier", str(verifier)).report.threshold
    assert given.threshold == 0.25 != own.threshold
    assert own.verifier.folder.path == verifier
    assert _find() is None


def test_wrong_threshold_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A value that is no support, and a threshold of no verifier."""
    with pytest.raises(InputError, match=r"--verifier-threshold 0\.5: has no use without --verifier"):
        _find("--verifier-threshold", 0.5)
    with pytest.raises(SystemExit):
        _find("--verifier-threshold", 1.5)
    assert "--verifier-threshold: '1.5': must be a number from 0 to 1" in capsys.readouterr().err
