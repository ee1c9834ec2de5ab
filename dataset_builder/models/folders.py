"""Find and fingerprint the folders of models and encoders."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from dataset_builder.errors import InputError
from dataset_builder.files import read_json, sha256_of, sha256_of_text
from dataset_builder.hub.ids import is_hub_id, split_revision
from dataset_builder.models.packaged import how_to_write, hub_id

# The files that decide the answers: weights, configuration, tokenizer. Pickles are never loaded.
MODEL_FILES = ("*.safetensors", "*config.json", "tokenizer*", "special_tokens_map.json", "vocab*", "merges.txt")
TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt")
DOWNLOADED = ["*.safetensors", "*.json", "*.txt", "*.model", "*.jinja"]
# Lists the modules of a sentence-transformers model.
MODULES_FILE = "modules.json"
# In the folder of a training run: its recipe, written first, and its measurements, written last.
RECIPE_FILE, METRICS_FILE = "recipe.yaml", "metrics.json"


@dataclass(frozen=True)
class ModelFolder:
    """A model: its `name` in errors, the `given` folder or Hub id, the folder's `path`, and an adapter's `base`.

    A Hub id may have a revision: ORG/NAME@REVISION.
    """

    name: str
    given: str
    path: Path
    base: "ModelFolder | None"

    @cached_property
    def fingerprint(self) -> str:
        """Return the SHA-256 over the files that decide the answers, for an adapter with the files of its base."""
        # Files in subfolders do not count: a run's checkpoints are there.
        files = {path for pattern in MODEL_FILES for path in self.path.glob(pattern)}
        return _fingerprint(self.path, files, [self.base.fingerprint] if self.base else [])


@dataclass(frozen=True)
class EncoderFolder:
    """A sentence encoder: the `given` folder or Hub id, and the folder's `path`."""

    given: str
    path: Path

    @property
    def label(self) -> str:
        """Return the Hub id if the folder names it, else the folder or id as given, without a revision."""
        return hub_id(self.path) or split_revision(self.given)[0]

    @cached_property
    def fingerprint(self) -> str:
        """Return the SHA-256 over the files that decide the embeddings."""
        # A module may have its weights in its own subfolder (0_StaticEmbedding).
        files = {path for pattern in (*MODEL_FILES, MODULES_FILE) for path in self.path.rglob(pattern)}
        return _fingerprint(self.path, files, [])


def _fingerprint(folder: Path, files: Iterable[Path], other_digests: list[str]) -> str:
    digests = [*(f"{path.relative_to(folder)} {sha256_of(path)}" for path in sorted(files)), *other_digests]
    return sha256_of_text("\n".join(digests))


def find_encoder(option: str, given: str) -> EncoderFolder:
    """Return the encoder in a folder or on the Hub; raises `InputError`, which names `option`, for anything else."""
    path = _find_folder(f"{option} {given}", given, "give a sentence-transformers model, as folder or Hub id ORG/NAME")
    described = any((path / name).is_file() for name in (MODULES_FILE, "config.json"))
    if not described or not any(path.rglob("*.safetensors")):
        raise InputError(
            f"{option} {given}: not the folder of an encoder (it needs modules.json or config.json, and "
            "*.safetensors); give a sentence-transformers model, as folder or Hub id"
        )
    has_modules = (path / MODULES_FILE).is_file()
    architectures = "" if has_modules else " ".join(read_json(path / "config.json").get("architectures") or [])
    if re.search(r"ForCausalLM|LMHeadModel", architectures):
        raise InputError(
            f"{option} {given}: is a causal language model ({architectures}), which was not trained to compare texts; "
            "give a sentence-transformers model"
        )
    _refuse_pickles(f"{option} {given}", path)
    return EncoderFolder(given=given, path=path)


def find_model(name: str, given: str, adapters: tuple[Path, ...] = ()) -> ModelFolder:
    """Return the model in a folder or on the Hub; raises `InputError` for anything else and for an unfinished run.

    `adapters` are the folders of the adapters that have this model as their base. `given` may be relative to a folder
    that contains the last of them: an adapter names its base by its path from the folder in which training ran.
    """
    parents = adapters[-1].parents if adapters else ()
    near = (parent / given for parent in parents if (parent / given).is_dir())
    remedy = "give the folder of a finished run or of a model, or a Hub id ORG/NAME"
    path = next(near, None) or _find_folder(f"{name}={given}", given, remedy)
    if path.resolve() in adapters:
        raise InputError(f"{name}={given}: this adapter names itself as its base; correct adapter_config.json")
    is_adapter = (path / "adapter_config.json").is_file()
    if not is_adapter and not (path / "config.json").is_file():
        raise InputError(
            f"{name}={given}: not a model folder (no config.json, no adapter_config.json); give a run, model or Hub id"
        )
    if (path / RECIPE_FILE).is_file() and not (path / METRICS_FILE).is_file():
        raise InputError(f"{name}={given}: its training is not finished; run the same training command again")
    weights = "adapter_model.safetensors" if is_adapter else "*.safetensors"
    if not any(path.glob(weights)):
        raise InputError(f"{name}={given}: has no weights ({weights}; other formats are not loaded)")
    _refuse_pickles(f"{name}={given}", path)
    base = None
    if is_adapter:
        base_path = read_json(path / "adapter_config.json").get("base_model_name_or_path")
        if not base_path:
            raise InputError(f"{name}={given}: adapter_config.json has no base_model_name_or_path; add it")
        try:
            base = find_model(f"base of {name}", base_path, (*adapters, path.resolve()))
        except InputError as error:
            problem = f"{error}. Correct base_model_name_or_path in {path / 'adapter_config.json'}"
            raise InputError(f"{name}={given}: {problem}") from error
    return ModelFolder(name=name, given=given, path=path, base=base)


def tokenizer_folder(folder: ModelFolder) -> Path:
    """Return the folder of a model's tokenizer: its own, or for an adapter without one its base's.

    Raises `InputError` for a model without a tokenizer, where transformers would create one without a vocabulary.
    """
    for source in filter(None, (folder, folder.base)):
        if any((source.path / name).is_file() for name in TOKENIZER_FILES):
            return source.path
    files = ", ".join(TOKENIZER_FILES)
    raise InputError(f"{folder.name}={folder.given}: has no tokenizer ({files}); add the one of the base model")


def _refuse_pickles(source: str, folder: Path) -> None:
    # Weights are loaded from a pickle if there is nothing else. A module of an encoder is a subfolder.
    for pickle in sorted(folder.rglob("pytorch_model*.bin")):
        if not any(pickle.parent.glob("*model*.safetensors")):
            problem = f"the weights in {pickle.parent.name} are a pickle ({pickle.name}), which can run code"
            raise InputError(f"{source}: {problem}; save the model again as *.safetensors")


def _find_folder(source: str, given: str, remedy: str) -> Path:
    """Return the folder `given`, or the snapshot of the model on the Hub. Errors name the model as `source`."""
    from huggingface_hub import snapshot_download

    if Path(given).is_dir():
        return Path(given)
    repo_id, revision = split_revision(given)
    if not is_hub_id(repo_id):
        raise InputError(f"{source}: no such folder; {remedy}{how_to_write(given)}")
    try:
        ignored = ["onnx/*", "openvino/*", "consolidated*"]
        return Path(snapshot_download(repo_id, revision=revision, allow_patterns=DOWNLOADED, ignore_patterns=ignored))
    except Exception as error:  # the client's errors have no common class: no network, no such repo, gated, offline
        offline = os.environ.get("HF_HUB_OFFLINE") == "1"
        check = "unset HF_HUB_OFFLINE" if offline else "check the name and the network"
        problem = f"not a folder here, and cannot be loaded from the Hub ({' '.join(str(error).split())})"
        raise InputError(f"{source}: {problem}; {check}, or give a folder") from error
