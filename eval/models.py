"""A model as evaluation knows it: a folder with a whole model or with an adapter."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataset_builder.errors import InputError
from dataset_builder.files import read_json, sha256_of
from dataset_builder.hub.card_checks import HUB_ID

if TYPE_CHECKING:
    from eval.generation.mbr import Consensus

# Weights, configuration and tokenizer: what decides the answers. No pickle is ever loaded.
MODEL_FILES = ("*.safetensors", "*config.json", "tokenizer*", "special_tokens_map.json", "vocab*", "merges.txt")
TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt")
DOWNLOADED = ("*.safetensors", "*.json", "*.txt", "*.jinja")
METRICS_FILE = "metrics.json"
# Which modules a sentence-transformers model is made of.
MODULES_FILE = "modules.json"
RECIPE_FILE = "recipe.yaml"


@dataclass(frozen=True)
class ModelFolder:
    """`name` in tables, the `given` folder or Hub id, the folder's `path`, and for an adapter its `base`.

    It answers greedily, or with `consensus` by the sample nearest to all.
    """

    name: str
    given: str
    path: Path
    base: ModelFolder | None
    consensus: Consensus | None = None

    @cached_property
    def fingerprint(self) -> str:
        """Return the SHA-256 over the files that decide the answers, those of an adapter's base included."""
        # Not in folders below: a run's checkpoints are there.
        files = {path for pattern in MODEL_FILES for path in self.path.glob(pattern)}
        return _fingerprint(self.path, files, [self.base.fingerprint] if self.base else [])

    def metrics(self) -> dict[str, Any]:
        """Return what training measured, the run's metrics.json; empty for a model that this project did not train."""
        path = self.path / METRICS_FILE
        return read_json(path) if path.is_file() else {}


@dataclass(frozen=True)
class EncoderFolder:
    """A sentence encoder or cross-encoder: the `given` folder or Hub id, and the folder's `path`."""

    given: str
    path: Path

    @cached_property
    def fingerprint(self) -> str:
        """Return the SHA-256 over the files that decide the embeddings."""
        # A module may have its weights in a folder of its own (0_StaticEmbedding).
        return _fingerprint(
            self.path, {path for pattern in (*MODEL_FILES, MODULES_FILE) for path in self.path.rglob(pattern)}, []
        )


def _fingerprint(folder: Path, files: set[Path], more: list[str]) -> str:
    digests = [*(f"{path.relative_to(folder)} {sha256_of(path)}" for path in sorted(files)), *more]
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def find_encoder(option: str, given: str) -> EncoderFolder:
    """Return the encoder in the folder `given`, or downloaded from the Hub; `option` is what an error names.

    Raises `InputError` when there is none.
    """
    path = Path(given) if Path(given).is_dir() else _download(given)
    if not any((path / name).is_file() for name in (MODULES_FILE, "config.json")) or not any(
        path.rglob("*.safetensors")
    ):
        raise InputError(
            f"{option} {given}: is no encoder's folder (modules.json or config.json, and weights as *.safetensors); "
            "give a sentence-transformers model, folder or Hub id"
        )
    _refuse_pickles(f"{option} {given}", path)
    return EncoderFolder(given=given, path=path)


def find_model(name: str, given: str) -> ModelFolder:
    """Return the model in the folder `given`, or downloaded from the Hub where `given` is an id.

    Raises `InputError` when there is no model, or the run that should have made it is not finished.
    """
    path = Path(given)
    if not path.is_dir():
        path = _download(given)
    adapter = (path / "adapter_config.json").is_file()
    if not adapter and not (path / "config.json").is_file():
        raise InputError(
            f"{name}={given}: is no model folder (neither config.json nor adapter_config.json); "
            "give a run's folder, a model's or a Hub id"
        )
    if (path / RECIPE_FILE).is_file() and not (path / METRICS_FILE).is_file():
        raise InputError(f"{name}={given}: its training is not finished; run the same training command again")
    weights = "adapter_model.safetensors" if adapter else "*.safetensors"
    if not any(path.glob(weights)):
        raise InputError(f"{name}={given}: has no weights ({weights}; other formats are not loaded)")
    _refuse_pickles(f"{name}={given}", path)
    base = None
    if adapter:
        base_path = read_json(path / "adapter_config.json").get("base_model_name_or_path")
        if not base_path:
            raise InputError(f"{name}={given}: adapter_config.json names no base_model_name_or_path; add it")
        base = find_model(f"base of {name}", base_path)
    return ModelFolder(name=name, given=given, path=path, base=base)


def tokenizer_folder(folder: ModelFolder) -> Path:
    """Return the folder of a model's tokenizer: its own, or the base's where an adapter has none.

    Raises `InputError` where there is none; transformers would make up one that knows no word.
    """
    for path in (folder.path, *([folder.base.path] if folder.base else [])):
        if any((path / name).is_file() for name in TOKENIZER_FILES):
            return path
    raise InputError(
        f"{folder.name}={folder.given}: has no tokenizer ({', '.join(TOKENIZER_FILES)}); put in that of the model it "
        "was trained from"
    )


def _refuse_pickles(place: str, folder: Path) -> None:
    """Raise `InputError` for a module of an encoder's, a folder in `folder`, that would be loaded from a pickle."""
    for pickle in sorted(folder.glob("*/pytorch_model*.bin")):
        if not any(pickle.parent.glob("*.safetensors")):
            raise InputError(
                f"{place}: the weights in {pickle.parent.name} are a pickle ({pickle.name}), which can run code when "
                "it is loaded; save the model again as *.safetensors (sentence-transformers does so by itself)"
            )


def training_metrics(folders: list[ModelFolder]) -> dict[str, dict[str, Any]]:
    """Return what training measured, by model, for the models that this project trained."""
    return {folder.name: metrics for folder in folders if (metrics := folder.metrics())}


def parse_models(given: list[str]) -> dict[str, str]:
    """Return folder or Hub id by name from NAME=MODEL words.

    Raises `InputError` for a word of another form, a name that cannot be part of a file's name, or one given twice.
    """
    models: dict[str, str] = {}
    for word in given:
        name, equals, model = word.partition("=")
        if not equals or not model or not name.replace("-", "").replace("_", "").isalnum():
            raise InputError(
                f"--models {word}: must be NAME=FOLDER, the name of letters, digits, - and _ (lora=runs/lora)"
            )
        if name in models:
            raise InputError(f"--models {word}: the name {name!r} is given twice; give each model its own")
        models[name] = model
    return models


def _download(given: str) -> Path:
    """Return the snapshot of a model on the Hub."""
    from huggingface_hub import snapshot_download

    # Where the first part names a folder that exists here, a mistyped path is meant and no Hub id.
    if not HUB_ID.fullmatch(given) or Path(given).parent.is_dir():
        raise InputError(f"{given}: no such folder; give a run's folder, a model's or a Hub id")
    try:
        return Path(snapshot_download(given, allow_patterns=DOWNLOADED, ignore_patterns=["onnx/*", "openvino/*"]))
    except Exception as error:  # the client's errors share no class: no network, no such repo, gated, offline mode
        offline = " (HF_HUB_OFFLINE is set)" if os.environ.get("HF_HUB_OFFLINE") == "1" else ""
        raise InputError(f"{given}: neither a folder here nor found on the Hub{offline}: {error}") from error
