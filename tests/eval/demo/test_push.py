"""The Space of the page on the loopback Hub: its files, and a second push."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.hub.commands import Commands
from tests.hub.running import WRITER, RunningHub

pytest.importorskip("gradio", reason="the page needs gradio: pip install -e '.[demo]'")

SPACE = "spaces/lab/isca-qa-demo"
PUSH = ("eval", "push-demo", "--repo-id", "lab/isca-qa-demo")
# What is on the Hub before: models and a corpus, empty, since the push asks only whether they exist.
CREATE = """
from huggingface_hub import HfApi
HfApi().create_repo("lab/tiny-demo-model")
HfApi().create_repo("sentence-transformers/all-MiniLM-L6-v2", exist_ok=True)
HfApi().create_repo("lab/demo-corpus", repo_type="dataset")
"""
MODELS = ("--models", "lora=lab/tiny-demo-model,decoding=greedy")


@pytest.fixture(scope="module")
def pushed(hub: RunningHub, commands: Commands, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Push the Space."""
    done = hub.run(tmp_path_factory.mktemp("home"), "-c", CREATE)
    assert done.returncode == 0, done.stderr
    sent = commands.run(*PUSH, *MODELS, "--dataset", "lab/demo-corpus")
    assert sent.code == 0, sent.output


def test_space_has_the_app_its_code_and_pins(hub: RunningHub, pushed: None) -> None:
    """The card names SDK, models and corpus. The code has its templates, and neither tests nor the open corpus."""
    card = hub.api(f"/api/{SPACE}")["cardData"]
    assert (card["sdk"], card["app_file"], card["datasets"]) == ("gradio", "app.py", ["lab/demo-corpus"])
    assert card["models"] == ["lab/tiny-demo-model", "sentence-transformers/all-MiniLM-L6-v2"]
    requirements = hub.text(f"{SPACE}/resolve/main/requirements.txt").splitlines()
    assert f"gradio=={card['sdk_version']}" in requirements
    names = {line.partition("==")[0] for line in requirements}
    assert {"torch", "transformers", "sentence-transformers"} < names and not {"pytest", "ruff", "selenium"} & names
    app = hub.text(f"{SPACE}/resolve/main/app.py")
    assert '["lora=lab/tiny-demo-model,decoding=greedy"]' in app and 'dataset="lab/demo-corpus"' in app
    files = hub.files(SPACE).keys()
    assert {"eval/demo/serve.py", "eval/demo/templates/page.css", "dataset_builder/prompt.py"} < files
    folders = {name.partition("/")[0] for name in files if "/" in name}
    assert folders == {"dataset_builder", "eval"} and not [name for name in files if "open_corpus" in name]


def test_app_runs_from_the_files_of_the_space(hub: RunningHub, pushed: None, tmp_path: Path) -> None:
    """In a folder with these files only, the app imports the code beside it, and reads the model from the Hub."""
    for name in hub.files(SPACE):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(_bytes(hub, f"{SPACE}/resolve/main/{name}"))
    environment = {key: value for key, value in hub.environment(tmp_path / "home").items() if key != "PYTHONPATH"}
    words = [sys.executable, "app.py"]
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True)
    # The model on the Hub is empty.
    assert "lora=lab/tiny-demo-model: not a model folder" in done.stderr
    assert "eval/demo/serve.py" in done.stderr and str(REPOSITORY) not in done.stderr


def test_second_push_makes_no_commit(hub: RunningHub, pushed: None, commands: Commands) -> None:
    """The same code gives the same files, in another process and at another time."""
    before = hub.commits(SPACE)
    assert commands.run(*PUSH, *MODELS, "--dataset", "lab/demo-corpus").code == 0
    assert hub.commits(SPACE) == before


def test_default_models_are_those_of_the_same_organisation(commands: Commands, pushed: None) -> None:
    """Models that the Hub does not have are refused before anything is sent."""
    done = commands.run(*PUSH, "--dry-run")
    assert done.code == 2 and "HuggingFaceTB/SmolLM2-135M-Instruct" in done.output
    done = commands.run(*PUSH, "--models", "full=runs/full/x", "--dry-run")
    assert done.code == 2 and "'runs/full/x' is not a Hub id" in done.output
    done = commands.run(*PUSH, *MODELS, "--encoder", "data/models/all-MiniLM-L6-v2", "--dry-run")
    assert done.code == 2 and "'data/models/all-MiniLM-L6-v2' is not a Hub id" in done.output


def test_pinned_revision_must_exist(hub: RunningHub, commands: Commands, pushed: None) -> None:
    """That of a model and that of the corpus."""
    commit = hub.commits("models/lab/tiny-demo-model")[0]["id"]
    model = ("--models", f"lora=lab/tiny-demo-model@{commit}")
    done = commands.run(*PUSH, *model, "--dataset", "lab/demo-corpus@v9", "--dry-run")
    assert done.code == 2 and "dataset lab/demo-corpus@v9: has no such revision" in done.output
    done = commands.run(*PUSH, "--models", "lora=lab/tiny-demo-model@v9", "--dry-run")
    assert done.code == 2 and "model lab/tiny-demo-model@v9: has no such revision" in done.output
    done = commands.run(*PUSH, *model, "--dataset", "lab/demo-corpus", "--dry-run")
    assert done.code == 0 and "send" in done.output


def _bytes(hub: RunningHub, path: str) -> bytes:
    request = urllib.request.Request(f"{hub.url}/{path}", headers={"Authorization": f"Bearer {WRITER}"})
    with urllib.request.urlopen(request) as answer:
        return answer.read()
