"""The command `python -m dataset_builder`: help, version and examples."""

from __future__ import annotations

import shlex

import pytest

from dataset_builder.__main__ import STAGES, parser


@pytest.mark.parametrize("stage", STAGES)
def test_help_ends_with_an_example_that_parses(stage: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The example names the stage, and the stage has all options of the example."""
    with pytest.raises(SystemExit) as exit_:
        parser().parse_args([stage, "--help"])
    assert exit_.value.code == 0
    _, example = capsys.readouterr().out.split("example:\n  python -m dataset_builder ")
    assert example.startswith(f"{stage} ")
    assert parser().parse_args(shlex.split(example.replace("\\\n", ""))).verbose is False


def test_help_of_the_package_has_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    """The codes 0, 2, 3 and 130, after the stages."""
    with pytest.raises(SystemExit):
        parser().parse_args(["--help"])
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[-4:]] == ["0", "2", "3", "130"]
