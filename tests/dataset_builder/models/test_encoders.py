"""Loading a sentence encoder: what is refused, with one message."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from dataset_builder.errors import InputError
from dataset_builder.models.encoders import load_embed
from dataset_builder.models.folders import find_encoder


def test_encoder_that_cannot_be_loaded_is_refused(encoder: Path, tmp_path: Path) -> None:
    """A misspelt folder, weights in a pickle, weights that are cut off, and weights that lack a layer."""
    with pytest.raises(InputError, match=r"--encoder \./nothing: no such folder; give a sentence-transformers model"):
        find_encoder("--encoder", "./nothing")
    copy = Path(shutil.copytree(encoder, tmp_path / "encoder"))
    weights = copy / "model.safetensors"
    tensors = load_file(weights)
    weights.rename(copy / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"--encoder .*: not the folder of an encoder .* \*\.safetensors"):
        find_encoder("--encoder", str(copy))
    (copy / "pytorch_model.bin").unlink()
    weights.write_bytes((encoder / "model.safetensors").read_bytes()[:1000])
    folder = find_encoder("--encoder", str(copy))
    with pytest.raises(InputError, match=r"--encoder .*encoder: cannot be loaded as a sentence encoder \("):
        load_embed(folder)
    lacking = {name: tensor for name, tensor in tensors.items() if "layer.1.attention.self.key" not in name}
    save_file(lacking, weights, metadata={"format": "pt"})
    with pytest.raises(
        InputError, match=r"encoder .*: has no weights for .*layer\.1\.attention\.self\.key.* and 1 more;"
    ):
        load_embed(folder, "encoder")
