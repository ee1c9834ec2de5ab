"""Verifiers on the Hub: the card with its figures, the files that are sent, and a verifier loaded from there."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import nbformat
import pytest
import yaml
from huggingface_hub import ModelCard
from safetensors.numpy import load_file

from dataset_builder.hub.changes import PUSHED_FILES_FILE
from dataset_builder.verification.load import find_verifier
from dataset_builder.verification.report import read_verifier_report
from tests.cards import stray_table_rows
from tests.conftest import REPOSITORY, shared_folder
from tests.corpus_slice import CORPUS_SLICE
from tests.hub.commands import Commands
from tests.hub.running import RunningHub
from tests.model_cards.test_publish import UPLOAD_BASE, _names_this_machine, _texts
from tests.notebooks import run_notebook

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

CORPUS, BASE, REPO = "lab/isca-qa-for-verifiers", "somebody/tiny-encoder", "lab/tiny-verifier"


@pytest.fixture(scope="module")
def published(
    hub: RunningHub,
    commands: Commands,
    corpus: Path,
    tiny_encoder: Path,
    encoder: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Return the folder of a verifier that was trained on a local corpus and base, and published."""
    from training.verifier import main

    folder = tmp_path_factory.mktemp("published")
    base = Path(shutil.copytree(tiny_encoder, folder / "base"))
    assert hub.run(folder / "home", "-c", UPLOAD_BASE, base, BASE).returncode == 0
    (base / "source.json").write_text(json.dumps({"hub_id": BASE}))
    words = ("push", "--dataset", corpus, "--repo-id", CORPUS, "--contexts", "full")
    assert commands.run("dataset_builder", *words).code == 0
    recipe = ("--config", REPOSITORY / "tests/recipes/tiny-verifier.yaml", "--max_steps", 2, "--bf16", "false")
    paths = ("--model_name_or_path", base, "--dataset", corpus, "--encoder", encoder)
    written = ("--written_answers", CORPUS_SLICE / "faithfulness", "--output_dir", folder / "run")
    main([str(word) for word in (*recipe, *paths, *written)])
    (folder / "run/optimizer.pt").write_bytes(b"\x80\x04.")
    done = commands.run("model_cards", *_publish(folder / "run"))
    assert done.code == 0, done.output
    return folder / "run"


def _publish(run: Path, *words: object) -> tuple[object, ...]:
    return ("publish-verifier", "--run", run, "--repo-id", REPO, "--dataset-id", CORPUS, *words)


def test_what_is_sent(hub: RunningHub, published: Path) -> None:
    """The model, the tokenizer, what training recorded, card and figure; no pickle."""
    names = "README.md tokenizer.json tokenizer_config.json recipe.yaml metrics.json environment.json loss_curve.png"
    others = {"model.safetensors", "config.json", "verifier.json", "notebook.ipynb"}
    assert hub.files(f"models/{REPO}").keys() == {*names.split(), *others, PUSHED_FILES_FILE}


def test_card_has_the_figures(hub: RunningHub, published: Path) -> None:
    """Of verifier.json, with the base, the corpus and the licence in its metadata."""
    card = ModelCard(hub.text(f"{REPO}/resolve/main/README.md"))
    report = read_verifier_report(published)
    assert (card.data.base_model, card.data.base_model_relation, card.data.license) == (BASE, "finetune", "apache-2.0")
    assert card.data.datasets == [CORPUS]
    figures = report.test.all_kinds
    assert f"| all kinds | {figures.unsupported} | {figures.auroc:.3f} |" in card.text
    for kind, found in report.test.by_kind.items():
        assert f"| `{kind}` | {found.unsupported} | {found.auroc:.3f} |" in card.text
    checks = report.baselines["checks of numbers and names"].all_kinds
    assert any(line.startswith("| all kinds |") and f"{checks:.3f} |" in line for line in card.text.splitlines())
    assert f"at least {report.threshold:.3f} counts as supported" in card.text
    assert "\n\n## Licence\n\nThe licence of this model is `apache-2.0`" in card.text
    assert stray_table_rows(card.text) == []


def test_nothing_names_this_machine(
    hub: RunningHub, published: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The recipe has Hub ids, and the folder of hand-written answers without its parents."""
    texts = _texts(hub, REPO)
    base = shared_folder(tmp_path_factory)
    assert [path for path, text in texts.items() if _names_this_machine(text, base)] == []
    assert [path for path, text in texts.items() if str(CORPUS_SLICE) in text] == []
    recipe = yaml.safe_load(texts["recipe.yaml"])
    assert (recipe["model_name_or_path"], recipe["dataset"]) == (BASE, CORPUS)
    assert recipe["written_answers"] == "faithfulness"


def test_new_process_verifies_with_it(hub: RunningHub, published: Path, tmp_path: Path) -> None:
    """With an empty HF_HOME, by the Hub ids of adapter and base: the supports of the local run."""
    lines = [
        {"abstract": "Zebra saves power.", "question": "What?", "answer": answer} for answer in ("Power.", "Time.")
    ]
    given = tmp_path / "in.jsonl"
    given.write_text("".join(json.dumps(line) + "\n" for line in lines))
    supports = []
    for model, out in ((REPO, tmp_path / "hub.jsonl"), (published, tmp_path / "local.jsonl")):
        words = ("-m", "eval", "verify", "--model", model, "--input", given, "--out", out)
        done = hub.run(tmp_path / "home", *words)
        assert done.returncode == 0, done.stderr
        supports.append([json.loads(line)["support"] for line in out.read_text().splitlines()])
    assert supports[0] == supports[1]
    assert len(set(supports[0])) == 2


def test_notebook_runs_without_a_token(hub: RunningHub, published: Path, tmp_path: Path) -> None:
    """With an empty HF_HOME; its support is the project's, and its training changes the weights of the base.

    The cell that installs packages is skipped, since the tests have no network. Training has 2 steps in place of 20.
    """
    notebook = nbformat.reads(hub.text(f"{REPO}/resolve/main/notebook.ipynb"), as_version=4)
    (training,) = [cell for cell in notebook.cells if "STEPS = 20\n" in cell.source]
    training.source = training.source.replace("STEPS = 20\n", "STEPS = 2\n")
    (asking,) = [cell for cell in notebook.cells if cell.source.startswith("## Verify an answer")]
    position = notebook.cells.index(asking) + 2
    notebook.cells.insert(position, nbformat.v4.new_code_cell('print("support", find_support(model, "A", "B", "C"))'))
    printed = run_notebook(notebook, hub, tmp_path)
    assert printed.count("More support for the right one of 10 pairs of answers:") == 2
    expected = find_verifier("--model", str(published)).load().score_all([("A", "B", "C")])
    (line,) = re.findall(r"support ([\d.e-]+)\n", printed)
    assert [float(line)] == pytest.approx(expected, abs=1e-5)
    name = "encoder.layer.0.attention.self.query.weight"
    before, after = (
        load_file(folder / "model.safetensors") for folder in (published.parent / "base", tmp_path / "my-verifier")
    )
    assert (before[name] != after[f"bert.{name}"]).any()


def test_publishing_again_makes_no_commit(hub: RunningHub, published: Path, commands: Commands) -> None:
    """The same run."""
    before = hub.commits(f"models/{REPO}")
    done = commands.run("model_cards", *_publish(published))
    assert (done.code, "Everything is there already" in done.output) == (0, True), done.output
    assert hub.commits(f"models/{REPO}") == before


def test_run_without_report_is_refused(published: Path, tmp_path: Path, commands: Commands) -> None:
    """It is a model that answers."""
    run = Path(shutil.copytree(published, tmp_path / "run"))
    (run / "verifier.json").unlink()
    done = commands.run("model_cards", *_publish(run))
    assert done.code == 2 and "is not the run of a verifier" in done.output
