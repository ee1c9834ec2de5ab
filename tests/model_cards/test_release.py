"""Releases: everything in order, nothing twice, and complete after an interruption at any point."""

from __future__ import annotations

import ast
import json
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.corpus.load import corpus_revision
from tests.conftest import contents
from tests.hub.commands import Commands
from tests.hub.running import WRITER, RunningHub
from tests.model_cards.small_release import BASE, ENCODER, write_small_release

REPOS = {
    "datasets": ["isca-qa"],
    "models": ["tiny-isca-qa-lora", "tiny-isca-qa-dpo", "tiny-isca-qa-full"],
    "spaces": ["answer_similarity", "isca-qa-demo"],
}
ORDER = [f"{kind.removesuffix('s')}:{name}" for kind, names in REPOS.items() for name in names]


@pytest.fixture(scope="module")
def folder(corpus: Path, tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with runs and scores on the corpus."""
    release = tmp_path_factory.mktemp("release")
    return write_small_release(release, tiny_base, str(corpus), corpus_revision(str(corpus)))


def _words(folder: Path, corpus: Path, org: str, *words: object) -> tuple[object, ...]:
    given = ("--dataset", corpus, "--scores", folder / "scores.json")
    return ("release", "--org", org, *given, *words)


@pytest.fixture(scope="module")
def released(hub: RunningHub, commands: Commands, folder: Path, corpus: Path) -> list[str]:
    """Release everything to "somebody", and return the requests."""
    hub.take_requests()
    done = commands.run("model_cards", *_words(folder, corpus, "somebody", "--tag", "v1"))
    assert done.code == 0, done.output
    assert WRITER not in done.output
    return hub.take_requests()


def _commits(hub: RunningHub, org: str) -> dict[str, list[str]]:
    return {
        name: [commit["id"] for commit in hub.commits(f"{kind}/{org}/{name}")]
        for kind, names in REPOS.items()
        for name in names
    }


def _collection(hub: RunningHub, org: str) -> dict[str, str]:
    """Return the notes of the collection by "TYPE:NAME", in order."""
    (listed,) = hub.api(f"/api/collections?owner={org}")
    items = hub.api(f"/api/collections/{listed['slug']}")["items"]
    assert all(item["id"].startswith(f"{org}/") for item in items)
    return {f"{item['type']}:{item['id'].partition('/')[2]}": item["note"]["text"] for item in items}


def _changes(printed: str) -> list[str]:
    """Return the last column of the table of a dry run."""
    return [line.split("│")[3].strip() for line in printed.splitlines() if line.count("│") == 4]


def test_parts_are_published_in_order(hub: RunningHub, released: list[str]) -> None:
    """One commit each; the adapter that DPO started from before DPO, and the collection last."""
    commits = [path.split("/")[2:-2] for path in released if "/commit/main" in path]
    assert [f"{kind.removesuffix('s')}:{name}" for kind, _, name in commits] == ORDER
    assert [request.split()[0] for request in released if "/api/collections" in request][-6:] == ["POST"] * 6
    assert {len(found) for found in _commits(hub, "somebody").values()} == {2}


def test_cards_pin_the_corpus(hub: RunningHub, released: list[str]) -> None:
    """Each card and notebook names the pushed commit; DPO's card names the adapter's repo. Every repo has the tag."""
    commit = hub.commits("datasets/somebody/isca-qa")[0]["id"]
    for name in REPOS["models"]:
        text = hub.text(f"somebody/{name}/resolve/main/README.md")
        assert f"`somebody/isca-qa`, revision `{commit}`" in text
        assert json.loads(hub.text(f"somebody/{name}/resolve/main/metrics.json"))["dataset_revision"] == commit
        assert f'revision=\\"{commit}\\"' in hub.text(f"somebody/{name}/resolve/main/notebook.ipynb")
    assert "the adapter `somebody/tiny-isca-qa-lora`" in hub.text("somebody/tiny-isca-qa-dpo/resolve/v1/README.md")
    for kind, names in REPOS.items():
        for name in names:
            tags = hub.api(f"/api/{kind}/somebody/{name}/refs")["tags"]
            assert [(tag["name"], tag["targetCommit"]) for tag in tags] == [
                ("v1", hub.commits(f"{kind}/somebody/{name}")[0]["id"])
            ]


def test_collection_has_notes(hub: RunningHub, released: list[str]) -> None:
    """In the order of the parts, with the scores of the models."""
    notes = _collection(hub, "somebody")
    assert list(notes) == ORDER
    assert "Mean similarity to the reference answers of the test split: 0.720 (plain)." in notes[ORDER[1]]
    assert notes[ORDER[1]].startswith("A LoRA adapter for somebody/tiny-base that answers")
    assert notes[ORDER[3]].startswith("A fully fine-tuned version of somebody/tiny-base that answers")


def _demo_settings(hub: RunningHub) -> dict[str, Any]:
    """Return what the app of the demo asks `serve` for."""
    app = ast.parse(hub.text("spaces/somebody/isca-qa-demo/resolve/main/app.py"))
    (call,) = (node for node in ast.walk(app) if isinstance(node, ast.Call) and ast.unparse(node.func) == "serve")
    return {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}


def test_demo_pins_what_it_loads(hub: RunningHub, released: list[str]) -> None:
    """The models in their order after the base model that the scores have, and the corpus."""
    pins = {name: f"somebody/{name}@{found[0]}" for name, found in _commits(hub, "somebody").items()}
    models = [f"tiny-{name}={pins[f'tiny-isca-qa-{name}']}" for name in ("lora", "dpo", "full")]
    assert _demo_settings(hub) == {
        "models": [f"chat={BASE},prompt=chat", *models],
        "dataset": pins["isca-qa"],
        "encoder": ENCODER,
    }
    card = hub.api("/api/spaces/somebody/isca-qa-demo")["cardData"]
    assert card["models"] == [BASE, *(f"somebody/{name}" for name in REPOS["models"]), ENCODER]
    assert card["datasets"] == ["somebody/isca-qa"]


@pytest.mark.slow
def test_new_process_loads_everything(
    hub: RunningHub, released: list[str], folder: Path, corpus: Path, encoder: Path, tmp_path: Path
) -> None:
    """With an empty HF_HOME, from the tag or the pinned commits: the same as what was released."""
    demo = json.dumps(_demo_settings(hub) | {"encoder": str(encoder)})
    done = hub.run(tmp_path, "-m", "tests.model_cards.load_release", corpus, folder, demo)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert {name: loaded for name, (loaded, _) in found.items()} == {name: given for name, (_, given) in found.items()}
    assert len({json.dumps(found[name][0]) for name in ("full", "lora", "dpo")}) == 3


def test_token_is_in_no_upload(hub: RunningHub, released: list[str], folder: Path, corpus: Path) -> None:
    """In no file on the Hub, and in no folder that was released."""
    for place in (hub.root, folder, corpus):
        assert [name for name, content in contents(place).items() if WRITER.encode() in content] == []


def test_second_release_changes_nothing(
    hub: RunningHub, released: list[str], commands: Commands, folder: Path, corpus: Path
) -> None:
    """No commit and no change of the collection, and a dry run says so."""
    before = _commits(hub, "somebody")
    done = commands.run("model_cards", *_words(folder, corpus, "somebody", "--tag", "v1", "--dry-run"))
    assert done.code == 0, done.output
    assert _changes(done.output) == ["nothing"] * 7
    hub.take_requests()
    done = commands.run("model_cards", *_words(folder, corpus, "somebody", "--tag", "v1"))
    assert (done.code, done.output.count("Everything is there already")) == (0, 6), done.output
    writes = [
        request for request in hub.take_requests() if request.split()[0] != "GET" and "paths-info" not in request
    ]
    assert [request for request in writes if not request.startswith("HEAD")] == []
    assert _commits(hub, "somebody") == before


def test_dry_run_without_network(hub: RunningHub, folder: Path, corpus: Path, tmp_path: Path) -> None:
    """Every repo with its size, in the order of the parts; nothing is requested."""
    hub.take_requests()
    words = _words(folder, corpus, "nobody", "--tag", "v1", "--dry-run")
    done = hub.run(tmp_path, "-m", "model_cards", *words, HF_HUB_OFFLINE="1", COLUMNS="200")
    assert done.returncode == 0, done.stderr
    assert hub.take_requests() == []
    rows = [line for line in done.stdout.splitlines() if "nobody/" in line and "send up to" in line]
    assert [row.split("nobody/")[1].split()[0] for row in rows] == [name for names in REPOS.values() for name in names]
    assert all("bytes, tag v1" in row for row in rows)
    assert "HF_HUB_OFFLINE is set" in done.stdout and "create, add 6 items" in done.stdout
    assert "Nothing was sent." in done.stdout


def test_dry_run_of_a_new_release_sends_nothing(
    hub: RunningHub, commands: Commands, folder: Path, corpus: Path
) -> None:
    """With a network: every repo would be created."""
    hub.take_requests()
    done = commands.run("model_cards", *_words(folder, corpus, "lab", "--name", "planned", "--dry-run"))
    assert done.code == 0, done.output
    assert done.output.count("create, send ") >= 6 and "create, add 6 items" in done.output
    assert {request.split()[0] for request in hub.take_requests()} <= {"GET", "HEAD"}


def test_part_needs_the_corpus_on_the_hub(commands: Commands, hub: RunningHub, folder: Path, corpus: Path) -> None:
    """A model's card could not name its commit. Nothing is sent."""
    hub.take_requests()
    done = commands.run("model_cards", *_words(folder, corpus, "lab", "--name", "absent", "--only", "models"))
    assert done.code == 2 and "dataset lab/absent: is not on the Hub" in done.output
    assert {request.split()[0] for request in hub.take_requests()} <= {"GET", "HEAD"}


def test_demo_by_itself(hub: RunningHub, released: list[str], commands: Commands, folder: Path, corpus: Path) -> None:
    """It pins the newest commits of what is on the Hub, so after a release nothing changes; it needs the models."""
    before = _commits(hub, "somebody")
    done = commands.run("model_cards", *_words(folder, corpus, "somebody", "--only", "demo"))
    assert (done.code, done.output.count("Everything is there already")) == (0, 1), done.output
    assert _commits(hub, "somebody") == before
    words = _words(folder, corpus, "somebody", "--only", "demo", "--contexts", "none", "--dry-run")
    done = commands.run("model_cards", *words)
    assert (done.code, [change.split(" of ")[0] for change in _changes(done.output)]) == (0, ["send 2 files"])
    done = commands.run("model_cards", *_words(folder, corpus, "lab", "--name", "absent", "--only", "demo"))
    assert done.code == 2 and "absent: is not on the Hub" in done.output


def test_run_on_another_corpus_is_refused(
    hub: RunningHub, commands: Commands, corpus: Path, tiny_base: Path, tmp_path: Path
) -> None:
    """Before anything is sent, also for the corpus."""
    folder = write_small_release(tmp_path / "runs", tiny_base, "data/other", "sha256:other")
    hub.take_requests()
    done = commands.run("model_cards", *_words(folder, corpus, "lab", "--name", "mixed"))
    assert done.code == 2 and "data/other at revision sha256:other, the corpus of the scores in" in done.output
    assert {request.split()[0] for request in hub.take_requests()} <= {"GET", "HEAD"}


def test_runs_on_the_published_corpus_pin_its_commit(
    hub: RunningHub, released: list[str], commands: Commands, folder: Path, corpus: Path, tmp_path: Path
) -> None:
    """They were trained and scored on the Hub's commit, which the files name already.

    Only the card's sentence on the revision that was scored changes.
    """
    runs = Path(shutil.copytree(folder, tmp_path / "runs"))
    commit = hub.commits("datasets/somebody/isca-qa")[0]["id"]
    for path in (runs / "scores.json", *runs.glob("*/metrics.json")):
        text = path.read_text().replace(str(folder), str(runs)).replace(str(corpus), "somebody/isca-qa")
        path.write_text(text.replace(corpus_revision(str(corpus)), commit))
    words = _words(runs, corpus, "somebody", "--only", "models", "--dry-run")
    done = commands.run("model_cards", *words)
    assert done.code == 0, done.output
    changes = [change.split(" of ")[0] for change in _changes(done.output)]
    assert changes == ["send 1 files"] * 3


def test_single_commands_find_what_was_released(
    hub: RunningHub, released: list[str], commands: Commands, folder: Path
) -> None:
    """They make the same content, so each finds its repo complete."""
    on_corpus = ("--dataset-id", "somebody/isca-qa", "--repo-id")
    run = ("publish", "--run", folder / "tiny-dpo", "--scores", folder / "scores.json")
    for module, *words in (
        (
            "model_cards",
            *run,
            "--start-model",
            f"somebody/{REPOS['models'][0]}",
            *on_corpus,
            "somebody/tiny-isca-qa-dpo",
        ),
        ("eval", "push-metric", "--repo-id", "somebody/answer_similarity"),
    ):
        done = commands.run(module, *words, "--tag", "v1")
        assert (done.code, "Everything is there already" in done.output) == (0, True), done.output


@pytest.mark.parametrize(
    ("function", "count", "rest"),
    [
        ("create_commit", 3, ["tiny-{}-dpo", "tiny-{}-full", "{}-demo"]),
        ("create_tag", 5, []),
    ],
)
def test_killed_release_is_completed(
    hub: RunningHub,
    commands: Commands,
    folder: Path,
    corpus: Path,
    tmp_path: Path,
    function: str,
    count: int,
    rest: list[str],
) -> None:
    """SIGKILL in place of the third commit, and of the demo's tag: the second run sends the rest only.

    The killed run shows the token nowhere, at the client's highest verbosity.
    """
    name = f"killed-{function.removeprefix('create_')}"
    parts = ("corpus", "models", "demo")
    words = _words(folder, corpus, "lab", "--name", name, "--tag", "v1", "--only", *parts)
    killed = ("-m", "tests.interrupt", f"huggingface_hub.HfApi.{function}", count, "model_cards", *words)
    done = hub.run(tmp_path, *killed, HF_DEBUG="1", HF_HUB_VERBOSITY="debug")
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert "preupload" in done.stderr, "the client tells of no requests: this test would see nothing"
    assert WRITER not in done.stdout + done.stderr
    assert [file for file, content in contents(tmp_path).items() if WRITER.encode() in content] == []
    hub.take_requests()
    done = commands.run("model_cards", *words)
    assert done.code == 0, done.output
    commits = [request.split("/")[4] for request in hub.take_requests() if "/commit/main" in request]
    assert commits == [repo.format(name) for repo in rest]
    models = [f"models/lab/tiny-{name}-{method}" for method in ("lora", "dpo", "full")]
    for repo in (f"datasets/lab/{name}", *models, f"spaces/lab/{name}-demo"):
        assert len(hub.commits(repo)) == 2
        assert [tag["name"] for tag in hub.api(f"/api/{repo}/refs")["tags"]] == ["v1"]


def test_release_completes_after_a_loss_of_the_network_at_any_point(hub: RunningHub, tmp_path: Path) -> None:
    """The Hub handles a request that writes, and its answer and all later requests are lost; for each of them."""
    done = hub.run(tmp_path, "-m", "tests.model_cards.interrupted_release", hub.url)
    hub.orders()
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 10
    assert WRITER not in done.stdout + done.stderr
