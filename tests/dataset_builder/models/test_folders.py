"""Test which folders are models and encoders, and what their fingerprints follow."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from dataset_builder.errors import InputError
from dataset_builder.models.folders import find_encoder, find_model


def test_folder_without_a_model_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing folder, an empty one, a mistyped path below a folder that exists, and a Hub id without the Hub."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    for given, complaint in (
        (str(tmp_path / "missing"), f"^m={tmp_path}/missing: no such folder; give the folder of a finished run or of"),
        (str(tmp_path), "not a model folder"),
        ("runs/missing", "no such folder"),
        ("./missing", "no such folder"),
        ("data/models/missing", "no such folder"),
        ("data/models/smollm2", "`python -m dataset_builder models --out data/models` writes data/models/smollm2$"),
        ("runs/missing@v1", "no such folder"),
        ("someone/nothing", r"not a folder here, and cannot be loaded from the Hub \(.*\); unset HF_HUB_OFFLINE, or"),
    ):
        with pytest.raises(InputError, match=complaint):
            find_model("m", given)


def test_pickled_weights_are_not_loaded(tmp_path: Path, tiny_base: Path) -> None:
    """A folder whose only weights are pytorch_model.bin."""
    shutil.copy(tiny_base / "config.json", tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(InputError, match=r"has no weights \(\*\.safetensors"):
        find_model("m", str(tmp_path))


def test_unfinished_run_is_refused(tmp_path: Path, tiny_base: Path) -> None:
    """A recipe without metrics.json, which training writes last."""
    shutil.copytree(tiny_base, tmp_path / "run")
    (tmp_path / "run/recipe.yaml").write_text("seed: 0\n")
    with pytest.raises(InputError, match="its training is not finished"):
        find_model("m", str(tmp_path / "run"))


def test_adapter_needs_its_base(tmp_path: Path) -> None:
    """adapter_config.json names a folder that does not exist."""
    (tmp_path / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": str(tmp_path / "gone")}))
    (tmp_path / "adapter_model.safetensors").write_bytes(b"")
    with pytest.raises(
        InputError, match=r"gone: no such folder.* Correct base_model_name_or_path in .*adapter_config.json"
    ):
        find_model("m", str(tmp_path))


def test_adapter_is_found_with_its_base_from_another_folder(
    tmp_path: Path, tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The base is named relative to the project; another model of that name in the current folder is not taken."""
    project, other = tmp_path / "project", tmp_path / "other"
    for folder in (project, other):
        shutil.copytree(tiny_base, folder / "data/models/base")
    adapter = project / "runs/lora"
    adapter.mkdir(parents=True)
    (adapter / "adapter_config.json").write_text('{"base_model_name_or_path": "data/models/base"}')
    (adapter / "adapter_model.safetensors").write_bytes(b"")
    for current, given in ((project, "runs/lora"), (other, str(adapter))):
        monkeypatch.chdir(current)
        base = find_model("m", given).base
        assert base is not None
        assert (base.given, base.path) == ("data/models/base", project / "data/models/base")


def test_encoder_needs_only_modules(tmp_path: Path) -> None:
    """Weights in a module's folder, which its fingerprint follows, and no config.json beside modules.json."""
    for missing in ("data/models/nope", str(tmp_path / "nope"), "./nope"):
        expected = f"^--encoders {re.escape(missing)}: no such folder; give a sentence-transformers model"
        with pytest.raises(InputError, match=expected):
            find_encoder("--encoders", missing)
    with pytest.raises(InputError, match=r"--encoders .*: not the folder of an encoder"):
        find_encoder("--encoders", str(tmp_path))
    (tmp_path / "modules.json").write_text("[]")
    (tmp_path / "0_Module").mkdir()
    (tmp_path / "0_Module/model.safetensors").write_bytes(b"1")
    found = find_encoder("--encoders", str(tmp_path))
    assert found.path == tmp_path
    before = found.fingerprint
    (tmp_path / "0_Module/model.safetensors").write_bytes(b"2")
    assert find_encoder("--encoders", str(tmp_path)).fingerprint != before


def test_module_of_an_encoder_as_a_pickle_is_not_loaded(tmp_path: Path) -> None:
    """Even if the transformer itself is in safetensors."""
    for name in ("modules.json", "config.json", "model.safetensors"):
        (tmp_path / name).write_text("[]")
    dense = tmp_path / "2_Dense"
    dense.mkdir()
    (dense / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    for find in (find_encoder, find_model):
        with pytest.raises(InputError, match="weights in 2_Dense are a pickle"):
            find("encoder", str(tmp_path))
    (dense / "model.safetensors").write_bytes(b"1")
    for find in (find_encoder, find_model):
        assert find("encoder", str(tmp_path)).path == tmp_path


def test_adapter_that_is_its_own_base_is_refused(tmp_path: Path) -> None:
    """Directly, and through another adapter."""
    for name, base in (("one", "one"), ("two", "three"), ("three", "two")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": str(tmp_path / base)}))
        (folder / "adapter_model.safetensors").write_bytes(b"")
    for name in ("one", "two"):
        with pytest.raises(InputError, match="this adapter names itself as its base"):
            find_model("m", str(tmp_path / name))


def test_fingerprint_follows_the_weights_and_not_the_card(tmp_path: Path, tiny_base: Path) -> None:
    """Another card changes nothing; another weight makes another model."""
    folder = shutil.copytree(tiny_base, tmp_path / "model")
    before = find_model("m", str(folder)).fingerprint
    (folder / "README.md").write_text("A card.")
    assert find_model("m", str(folder)).fingerprint == before
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
    assert find_model("m", str(folder)).fingerprint != before
