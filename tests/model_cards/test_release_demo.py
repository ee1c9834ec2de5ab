"""The encoder that the demo of a release loads."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dataset_builder.errors import InputError
from dataset_builder.formats import write_format
from dataset_builder.models.packaged import DEFAULT_ENCODER
from eval.asking.abstention import ABSTENTION_FILE, Abstention
from model_cards.release.demo import chosen_encoder


def _run(folder: Path, encoder: str | None) -> Any:
    folder.mkdir()
    if encoder:
        shares = {"questions": 1, "papers": 1, "threshold": 0.5, "asked": 1.0, "foreign_asked": None}
        write_format(folder / ABSTENTION_FILE, Abstention(encoder=encoder, dataset_revision="r", **shares))
    return SimpleNamespace(path=folder)


def test_encoder_is_that_of_the_thresholds(tmp_path: Path) -> None:
    """The page refuses a threshold of another encoder, and loads only one."""
    first, second, without = (
        _run(tmp_path / "a", "lab/one"),
        _run(tmp_path / "b", "lab/two"),
        _run(tmp_path / "c", None),
    )
    assert chosen_encoder([first, without]) == "lab/one"
    assert chosen_encoder([without]) == DEFAULT_ENCODER
    with pytest.raises(InputError, match=r"chosen by several encoders \(lab/one, lab/two\).*choose-threshold"):
        chosen_encoder([first, second])
