"""The similarities that `generate` keeps: a run that continues encodes only what is new."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dataset_builder.generate import similarities
from dataset_builder.generate.similarities import Similarities
from dataset_builder.models.folders import EncoderFolder

FIRST = "Caches are small. Links are slow."
SECOND = "Links are slow."
ONE = EncoderFolder("one", Path("one"))


class CountingEncoder:
    """Embed a text by its first letter, and record it."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __call__(self, texts: list[str]) -> np.ndarray:
        """Return (1, 0) for a text about caches, else (0.6, 0.8)."""
        self.texts += texts
        return np.array([[1.0, 0.0] if text.startswith("C") else [0.6, 0.8] for text in texts])


@pytest.fixture
def encoder(monkeypatch: pytest.MonkeyPatch) -> CountingEncoder:
    """Return the encoder that every name loads."""
    counting = CountingEncoder()
    monkeypatch.setattr(similarities, "load_embed", lambda folder: counting)
    return counting


def test_pairs_of_an_earlier_run_are_not_encoded_again(tmp_path: Path, encoder: CountingEncoder) -> None:
    """The same answer to another abstract is another pair."""
    assert Similarities(tmp_path, ONE).measure(["Caches."], [FIRST]) == [1.0]
    encoder.texts.clear()
    assert Similarities(tmp_path, ONE).measure(["Caches.", "Caches."], [FIRST, SECOND]) == [1.0, 0.6]
    assert encoder.texts == ["Caches.", "Links are slow."]
    encoder.texts.clear()
    assert Similarities(tmp_path, ONE).measure(["Caches.", "Caches."], [FIRST, SECOND]) == [1.0, 0.6]
    assert encoder.texts == []


def test_another_encoder_encodes_anew(tmp_path: Path, encoder: CountingEncoder) -> None:
    """By the content of its folder, wherever that is."""
    model, copy, work = tmp_path / "model", tmp_path / "copy", tmp_path / "work"
    for folder in (model, copy, work):
        folder.mkdir()
    for folder, weights, texts in ((model, "1", 3), (copy, "1", 0), (copy, "2", 3)):
        (folder / "model.safetensors").write_text(weights)
        Similarities(work, EncoderFolder(str(folder), folder)).measure(["Caches."], [FIRST])
        assert len(encoder.texts) == texts
        encoder.texts.clear()


def test_kill_loses_one_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one answer at once, the first of two is kept although the second one fails."""
    monkeypatch.setattr(similarities, "ANSWERS_AT_ONCE", 1)

    def fail_on_links(texts: list[str]) -> np.ndarray:
        if texts[0].startswith("L"):
            raise KeyboardInterrupt
        return CountingEncoder()(texts)

    monkeypatch.setattr(similarities, "load_embed", lambda folder: fail_on_links)
    with pytest.raises(KeyboardInterrupt):
        Similarities(tmp_path, ONE).measure(["Caches.", "Links."], [FIRST, SECOND])
    monkeypatch.undo()
    assert Similarities(tmp_path, ONE).measure(["Caches."], [FIRST]) == [1.0]
