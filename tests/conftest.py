"""Fixtures: a small corpus, a tiny base model, the packaged models, and stages in processes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

# Before any import of the libraries that read them: nothing in the tests may reach for the network.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_DATASETS_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
# The proxy of a network is not for the servers of the tests, and colours would be in the texts that are compared.
os.environ["no_proxy"] = os.environ["NO_PROXY"] = "127.0.0.1,localhost"
os.environ.pop("FORCE_COLOR", None)
os.environ.pop("HF_HUB_CACHE", None)
os.environ.pop("HF_DATASETS_CACHE", None)
os.environ.pop("HF_TOKEN", None)
os.environ.pop("HUGGING_FACE_HUB_TOKEN", None)
# The expected values are those of a CPU. With TEST_GPU=1, the test of the GPU runs, and no other should.
if os.environ.get("TEST_GPU") != "1":
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
# A cache of their own, so that nothing left by an earlier run is read, and nothing is shared with one beside it.
os.environ["HF_HOME"] = tempfile.mkdtemp(prefix="hf_home-")
# Test processes side by side keep to cores of their own, where there are enough; threads that wait for others lose.
if "PYTEST_XDIST_WORKER" in os.environ:
    cores = sorted(os.sched_getaffinity(0))
    number, workers = int(os.environ["PYTEST_XDIST_WORKER"][2:]), int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    if len(cores) >= workers:
        os.sched_setaffinity(0, cores[number::workers])

import pytest
from filelock import FileLock

from tests.corpus_slice import CORPUS_SLICE
from tests.hub.commands import Commands
from tests.hub.commands import commands as commands_process
from tests.hub.running import RunningHub, running_hub
from tests.small_sources import append as append
from tests.small_sources import write_sources
from tests.stage_server import HUB_LIBRARIES, LIBRARIES, stage_server

REPOSITORY = Path(__file__).parents[1]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the files with slow tests first, so that at the end no test process waits long for another one."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session", autouse=True)
def _cache_goes_with_the_tests() -> Iterator[None]:
    yield
    shutil.rmtree(os.environ["HF_HOME"], ignore_errors=True)


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a corpus built from the slice."""
    from dataset_builder.corpus.build import build

    out = tmp_path_factory.mktemp("built") / "corpus"
    build(CORPUS_SLICE / "papers", CORPUS_SLICE / "qa", ["detailed"], ["plain", "detailed"], out, "apache-2.0")
    return out


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a GPT-2 of random weights."""
    from tests.tiny import write_tiny_gpt2

    return write_tiny_gpt2(tmp_path_factory.mktemp("models") / "tiny", CORPUS_SLICE)


@pytest.fixture(scope="session")
def ending_base(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the tiny base with a generation config in which one token in twenty ends an answer.

    Its random weights alone hardly ever end an answer before the limit.
    """
    folder = shutil.copytree(tiny_base, tmp_path_factory.mktemp("ending") / "tiny")
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": list(range(0, 800, 20))}))
    return folder


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a BERT of random weights."""
    from tests.tiny import write_tiny_encoder

    return write_tiny_encoder(tmp_path_factory.mktemp("encoders") / "tiny", CORPUS_SLICE)


def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of all files of a test run, which its processes share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def packaged_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that holds smollm2, all-MiniLM-L6-v2 and wordllama, with their real weights."""
    from dataset_builder.models.packaged import write_packaged_models

    folder = shared_folder(tmp_path_factory) / "packaged"
    with FileLock(folder.with_suffix(".lock")):
        if not folder.is_dir():
            write_packaged_models(folder)
    return folder


@pytest.fixture(scope="session")
def encoder(packaged_models: Path) -> Path:
    """Return the folder of the sentence encoder."""
    return packaged_models / "all-MiniLM-L6-v2"


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """Return a folder with small papers/ and qa/ of a training teacher "t" and a test teacher "u", to be broken.

    Papers: two of 2020 (one for training, one for validation) and one of 2023; two pairs on each.
    """
    write_sources(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def stage() -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """Return a function that runs `python -m WORDS` in the repository, in a process of its own."""
    with stage_server(*LIBRARIES, *HUB_LIBRARIES) as server:
        yield lambda *words: server.run("-m", *words, environment=os.environ, seconds=280)


@pytest.fixture
def killed(stage: Callable[..., subprocess.CompletedProcess[str]]) -> Callable[..., None]:
    """Return a function that runs a stage and kills it in place of the COUNT-th call of FUNCTION."""

    def run(function: str, count: int, *words: object) -> None:
        done = stage("tests.interrupt", function, count, *words)
        assert done.returncode == -signal.SIGKILL, f"was not killed: {done.stdout}{done.stderr}"

    return run


def contents(folder: Path, without: tuple[str, ...] = ()) -> dict[str, bytes]:
    """Return the bytes of every file below `folder` by relative path, those named in `without` left out."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in without
    }


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    """Return a Hub on loopback, empty at first."""
    with stage_server(*LIBRARIES) as server, running_hub(tmp_path_factory.mktemp("hub"), server) as running:
        yield running


@pytest.fixture(scope="session")
def commands(hub: RunningHub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    """Return the process that runs commands against that Hub."""
    with commands_process(hub, tmp_path_factory.mktemp("commands")) as process:
        yield process
