"""Models on the Hub: trained from there, published there, and loaded from there again with the same answers."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pyarrow.parquet as pq
import pytest
import yaml
from huggingface_hub import ModelCard, eval_result_entries_to_yaml, parse_eval_result_entries
from safetensors.numpy import load_file

from dataset_builder.corpus.build import build
from dataset_builder.corpus.load import corpus_revision
from dataset_builder.formats import write_format
from dataset_builder.hub.changes import PUSHED_FILES_FILE
from eval.analysis.scores import Scores, read_scores
from tests.cards import stray_table_rows
from tests.conftest import REPOSITORY, shared_folder
from tests.hub.commands import Commands
from tests.hub.running import WRITER, RunningHub
from tests.notebooks import run_notebook

# The first of these tests waits for six processes that import torch.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

CORPUS, BASE = "lab/isca-qa-for-models", "somebody/tiny-gpt2"
# With a learning rate at which two steps change the answers and leave none empty.
METHODS = {"full": "1e-3", "lora": "3e-2"}
UPLOAD_BASE = """
import sys
from huggingface_hub import HfApi
HfApi().create_repo(sys.argv[2], exist_ok=True)
HfApi().upload_folder(repo_id=sys.argv[2], folder_path=sys.argv[1])
"""
# Runs the code example of each card as it is, then asks the models that it loaded the questions of the evaluation.
LOAD = """
import contextlib, io, json, re, sys
from huggingface_hub import HfApi, ModelCard
from dataset_builder.prompt import MAX_ANSWER_TOKENS, build_prompt
questions, found = json.load(open(sys.argv[1])), {}
for repo in sys.argv[2:]:
    snippet = re.search(r"```python\\n(.*?)```", ModelCard.load(repo).text, re.DOTALL)[1]
    names, printed = {}, io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(snippet, repo, "exec"), names)
    model, tokenizer, answers = names["model"], names["tokenizer"], []
    for row in questions:
        inputs = tokenizer(build_prompt(row["instruction"], row["context"], row["question"]), return_tensors="pt")
        tokens = model.generate(
            **inputs, max_new_tokens=MAX_ANSWER_TOKENS, do_sample=False, pad_token_id=tokenizer.eos_token_id
        )
        answers.append(tokenizer.decode(tokens[0, inputs["input_ids"].shape[1]:], skip_special_tokens=True).strip())
    card = HfApi().model_info(repo).card_data
    scores = {result.dataset_config: result.metric_value for result in card.eval_results}
    found[repo] = {"printed": printed.getvalue(), "answers": answers, "scores": scores, "base": card.base_model,
                   "relation": card.base_model_relation, "revisions": [r.dataset_revision for r in card.eval_results]}
print(json.dumps(found))
"""
# At the end of a notebook: its own function answers the questions of the evaluation.
ANSWER = """
import json, pathlib
rows = json.loads(pathlib.Path("questions.json").read_text())
answers = [answer(model, row["context"], row["question"]) for row in rows]
pathlib.Path("answers.json").write_text(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def trained(
    hub: RunningHub,
    commands: Commands,
    corpus: Path,
    tiny_base: Path,
    encoder: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Return a folder with a full and a LoRA run on corpus and base from the Hub, and their scores on that corpus."""
    folder = tmp_path_factory.mktemp("trained")
    words = ("push", "--dataset", corpus, "--repo-id", CORPUS, "--contexts", "full")
    assert commands.run("dataset_builder", *words).code == 0
    assert hub.run(folder / "home", "-c", UPLOAD_BASE, tiny_base, BASE).returncode == 0
    for method in METHODS:
        done = hub.run(
            folder / f"home-{method}",
            *("-m", "accelerate.commands.launch", "--config_file", "accelerate_config.yaml", "-m", "training.sft"),
            *("--config", REPOSITORY / f"tests/recipes/tiny-{method}.yaml", "--max_steps", "2"),
            *("--dataset", CORPUS, "--model_name_or_path", BASE, "--learning_rate", METHODS[method]),
            *("--encoder", encoder, "--output_dir", folder / method),
        )
        assert done.returncode == 0, done.stderr
    done = hub.run(folder / "home-eval", *_eval(folder, encoder, folder / "eval"))
    assert done.returncode == 0, done.stderr
    return folder


def _eval(trained: Path, encoder: Path, out: Path) -> tuple[object, ...]:
    return (
        *("-m", "eval", "run", "--dataset", CORPUS, "--configs", "plain", "detailed", "--questions", 6),
        *("--encoders", encoder, "--out", out, "--models", f"baseline={BASE}"),
        *(f"{method}={trained / method}" for method in METHODS),
    )


def _publish(run: Path, scores: Path, repo: str, *words: object) -> tuple[object, ...]:
    return ("publish", "--run", run, "--repo-id", repo, "--scores", scores, *words)


def _copied(run: Path, out: Path, recipe: dict[str, Any], **metrics: Any) -> Path:
    """Copy a run with another recipe and other metrics: the weights, and so the scores, are the same."""
    shutil.copytree(run, out)
    for file, change, read, write in (
        (out / "metrics.json", metrics, json.loads, json.dumps),
        (out / "recipe.yaml", recipe, yaml.safe_load, yaml.safe_dump),
    ):
        file.write_text(write(read(file.read_text()) | change))
    return out


def _texts(hub: RunningHub, repo: str) -> dict[str, str]:
    paths = [path for path in hub.files(f"models/{repo}") if not path.endswith((".safetensors", ".png"))]
    return {path: hub.text(f"{repo}/resolve/main/{path}") for path in paths}


def _names_this_machine(text: str, base: Path) -> bool:
    """Tell whether a text names a folder of the tests, data/ or runs/, but for the recipe's output_dir."""
    text = re.sub(r"output_dir: runs/[\w.-]+", "", text)
    return str(base) in text or re.search(r"(?<![\w/])(data|runs)/", text) is not None


@pytest.fixture(scope="module")
def published(hub: RunningHub, trained: Path, commands: Commands) -> Path:
    """Publish both runs, whose folders also have pickles, the adapter in a new process; return the folder."""
    for method in METHODS:
        for name in ("training_args.bin", "optimizer.pt", "pytorch_model.bin", "notes.txt"):
            (trained / method / name).write_bytes(b"\x80\x04.")
    words = {m: _publish(trained / m, trained / "eval/scores.json", f"lab/tiny-{m}", "--tag", "v1") for m in METHODS}
    done = commands.run("model_cards", *words["full"])
    assert done.code == 0, done.output
    alone = hub.run(trained / "home-publish", "-m", "model_cards", *words["lora"])
    assert alone.returncode == 0, alone.stderr
    return trained


def test_what_is_sent(hub: RunningHub, published: Path) -> None:
    """Weights as safetensors, tokenizer, recipe, log, card, figure and scores; no pickle and nothing else."""
    both = "README.md tokenizer.json tokenizer_config.json recipe.yaml metrics.json environment.json loss_curve.png"
    both = {*both.split(), "notebook.ipynb", "scores.json", ".eval_results/isca-qa.yaml", PUSHED_FILES_FILE}
    full = {"model.safetensors", "config.json", "generation_config.json"}
    assert hub.files("models/lab/tiny-full").keys() == both | full
    assert hub.files("models/lab/tiny-lora").keys() == both | {*("adapter_model.safetensors", "adapter_config.json")}


def test_new_process_loads_both_and_answers_as_before(
    hub: RunningHub, published: Path, corpus: Path, tmp_path: Path
) -> None:
    """By the cards' own snippets, with an empty HF_HOME; the answers are the evaluation's, the scores read back."""
    predictions = _predictions(published)
    assert len({tuple(answers) for answers in predictions.values()}) == 3, (
        "two models give the same answers, so the test could not notice a wrong model"
    )
    _write_questions(published, corpus, tmp_path / "questions.json")
    done = hub.run(tmp_path / "home", "-c", LOAD, tmp_path / "questions.json", "lab/tiny-full", "lab/tiny-lora")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    scores = read_scores(published / "eval/scores.json")
    commit = hub.commits(f"datasets/{CORPUS}")[0]["id"]
    for method, relation in (("full", "finetune"), ("lora", "adapter")):
        loaded = found[f"lab/tiny-{method}"]
        assert loaded["answers"] == predictions[method]
        assert loaded["printed"].strip()
        configs = scores.systems[method].configs
        means = {config: entry.metrics["cosine_similarity"].mean for config, entry in configs.items()}
        assert loaded["scores"] == means and len(means) == 2
        assert (loaded["base"], loaded["relation"]) == (BASE, relation)
        assert loaded["revisions"] == [commit, commit]


def _predictions(published: Path) -> dict[str, list[str]]:
    """Return the answers of the evaluation by model."""
    names = ("baseline", *METHODS)
    tables = {name: pq.read_table(published / f"eval/predictions/plain.{name}.parquet") for name in names}
    return {name: table["prediction"].to_pylist() for name, table in tables.items()}


def _write_questions(published: Path, corpus: Path, out: Path) -> None:
    """Write the rows of the corpus that the evaluation asked."""
    rows = pq.read_table(corpus / "plain/test-00000-of-00001.parquet").to_pylist()
    predictions = pq.read_table(published / "eval/predictions/plain.full.parquet").to_pylist()
    asked = {(row["paper_id"], row["question"]) for row in predictions}
    out.write_text(json.dumps([row for row in rows if (row["paper_id"], row["question"]) in asked]))


@pytest.fixture(scope="module")
def metric_with_encoder(
    hub: RunningHub, commands: Commands, encoder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Publish the metric, and put its encoder on the Hub."""
    done = commands.run("eval", "push-metric", "--repo-id", "lab/answer_similarity")
    assert done.code == 0, done.output
    name = "sentence-transformers/all-MiniLM-L6-v2"
    assert hub.run(tmp_path_factory.mktemp("home"), "-c", UPLOAD_BASE, encoder, name).returncode == 0


@pytest.mark.parametrize("method", METHODS)
def test_notebook_runs_without_a_token(
    hub: RunningHub, published: Path, corpus: Path, metric_with_encoder: None, method: str, tmp_path: Path
) -> None:
    """With an empty HF_HOME; its answers are the evaluation's, and its training changes the new adapter.

    The cell that installs packages is skipped, since the tests have no network. Training has 2 steps in place of 20.
    """
    text = hub.text(f"lab/tiny-{method}/resolve/main/notebook.ipynb")
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    install = [cell.source for cell in notebook.cells if "install" in cell.metadata.get("tags", [])]
    assert len(install) == 1 and install[0].startswith("%pip install --quiet ")
    commit = hub.commits(f"datasets/{CORPUS}")[0]["id"]
    assert [text.count(name) for name in (CORPUS, commit)] == [2, 1]
    _write_questions(published, corpus, tmp_path / "questions.json")
    (training,) = [cell for cell in notebook.cells if "STEPS = 20\n" in cell.source]
    training.source = training.source.replace("STEPS = 20\n", "STEPS = 2\n")
    notebook.cells.append(nbformat.v4.new_code_cell(ANSWER))
    printed = run_notebook(notebook, hub, tmp_path)
    assert printed.count("Mean similarity of 10 answers:") == 2
    assert json.loads((tmp_path / "answers.json").read_text()) == _predictions(published)[method]
    weights = load_file(tmp_path / "my-adapter/adapter_model.safetensors")
    # Zero before training.
    changed = [weight.any() for name, weight in weights.items() if "lora_B" in name]
    assert changed and all(changed)


@pytest.mark.parametrize("method", METHODS)
def test_nothing_names_this_machine(
    hub: RunningHub, published: Path, method: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """No published text has a path of the tests' folders, of data/ or of runs/. The recipe has Hub ids."""
    texts = _texts(hub, f"lab/tiny-{method}")
    base = shared_folder(tmp_path_factory)
    assert [path for path, text in texts.items() if _names_this_machine(text, base)] == []
    recipe = yaml.safe_load(texts["recipe.yaml"])
    assert (recipe["model_name_or_path"], recipe["dataset"]) == (BASE, CORPUS)
    assert recipe["encoder"] == "sentence-transformers/all-MiniLM-L6-v2"


def test_leaderboard_scores_pin_the_corpus(hub: RunningHub, published: Path) -> None:
    """`.eval_results`, read by huggingface_hub: task, value, commit of the corpus, date and source."""
    scores = read_scores(published / "eval/scores.json")
    path = "lab/tiny-lora/resolve/main/.eval_results/isca-qa.yaml"
    written = yaml.safe_load(hub.text(path))
    entries = parse_eval_result_entries(written)
    # huggingface_hub reads every key that the file has.
    assert eval_result_entries_to_yaml(entries) == written
    commit = hub.commits(f"datasets/{CORPUS}")[0]["id"]
    tasks = [task["id"] for task in yaml.safe_load(hub.text(f"datasets/{CORPUS}/resolve/main/eval.yaml"))["tasks"]]
    assert [entry.task_id for entry in entries] == tasks
    for entry in entries:
        assert (entry.dataset_id, entry.dataset_revision) == (CORPUS, commit)
        configs = scores.systems["lora"].configs
        assert entry.value == configs[entry.task_id].metrics["cosine_similarity"].mean
        assert entry.date == scores.date
        assert entry.source_url == f"{hub.url}/lab/tiny-lora/blob/main/scores.json"
    public = Scores.model_validate_json(hub.text("lab/tiny-lora/resolve/main/scores.json"))
    assert public.systems["lora"] == scores.systems["lora"].model_copy(update={"model": None})


def test_scores_of_the_plain_prompt_are_published(
    hub: RunningHub, published: Path, tmp_path: Path, commands: Commands
) -> None:
    """The same weights were first asked without the abstract; without other scores they are not published."""
    scores = read_scores(published / "eval/scores.json")
    words = _publish(published / "full", tmp_path / "scores.json", "lab/by-prompt")
    memory = scores.systems["full"].model_copy(
        update={"prompt": "closed-book", "role": "closed-book", "configs": scores.systems["baseline"].configs}
    )
    write_format(tmp_path / "scores.json", scores.model_copy(update={"systems": {"memory": memory}}))
    done = commands.run("model_cards", *words)
    assert done.code == 2 and "as it is now, with the plain prompt and greedy decoding, only of" in done.output
    assert "(closed-book prompt, greedy decoding); evaluate it first" in done.output
    systems = {"memory": memory, **scores.systems}
    write_format(tmp_path / "scores.json", scores.model_copy(update={"systems": systems}))
    done = commands.run("model_cards", *words)
    assert done.code == 0, done.output
    entries = parse_eval_result_entries(
        yaml.safe_load(hub.text("lab/by-prompt/resolve/main/.eval_results/isca-qa.yaml"))
    )
    values = [entry.metrics["cosine_similarity"].mean for entry in scores.systems["full"].configs.values()]
    assert [entry.value for entry in entries] == values
    assert values != [entry.metrics["cosine_similarity"].mean for entry in memory.configs.values()]


def test_publishing_again_makes_no_commit(hub: RunningHub, published: Path, commands: Commands) -> None:
    """The same run and scores, with the tag that is there."""
    before = hub.commits("models/lab/tiny-full")
    words = ("publish", "--run", published / "full", "--repo-id", "lab/tiny-full", "--tag", "v1")
    done = commands.run("model_cards", *words, "--scores", published / "eval/scores.json")
    assert (done.code, "Everything is there already" in done.output) == (0, True), done.output
    assert hub.commits("models/lab/tiny-full") == before


def test_publishing_after_the_evaluation_was_repeated_makes_no_commit(
    hub: RunningHub, published: Path, encoder: Path, tmp_path: Path, commands: Commands
) -> None:
    """The scores are the same, and so they keep the day on which they were made."""
    out = shutil.copytree(published / "eval", tmp_path / "eval")
    scores = json.loads((out / "scores.json").read_text())
    (out / "scores.json").write_text(json.dumps(scores | {"date": "2026-01-02"}))
    words = _publish(published / "full", out / "scores.json", "lab/repeated")
    assert commands.run("model_cards", *words).code == 0
    assert "2026-01-02" in hub.text("lab/repeated/resolve/main/.eval_results/isca-qa.yaml")
    before = hub.commits("models/lab/repeated")
    done = hub.run(tmp_path / "home", *_eval(published, encoder, out))
    assert done.returncode == 0, done.stderr
    assert commands.run("model_cards", *words).code == 0
    assert hub.commits("models/lab/repeated") == before


def test_adapter_that_replaces_a_model_removes_its_files(hub: RunningHub, published: Path, commands: Commands) -> None:
    """Weights and configuration of the full model, with which the repo would load as that model."""
    for method in METHODS:
        words = ("publish", "--run", published / method, "--repo-id", "lab/either")
        assert commands.run("model_cards", *words, "--scores", published / "eval/scores.json").code == 0
    assert hub.files("models/lab/either").keys() == hub.files("models/lab/tiny-lora").keys()


def test_scores_on_a_folder_are_matched_with_the_hub(
    hub: RunningHub, published: Path, corpus: Path, sources: Path, tmp_path: Path, commands: Commands
) -> None:
    """By their rows: the same corpus on the Hub gives its commit, another one and a missing id are errors."""
    scores = json.loads((published / "eval/scores.json").read_text())
    revision = json.loads((corpus / "report.json").read_text())["revision"]
    (tmp_path / "scores.json").write_text(json.dumps(scores | {"dataset": "data/corpus", "revision": revision}))
    build(sources / "papers", sources / "qa", ["t"], ["u"], sources / "corpus", "apache-2.0")
    words = ("push", "--dataset", sources / "corpus", "--repo-id", "lab/other-rows", "--contexts", "none")
    assert commands.run("dataset_builder", *words).code == 0
    words = _publish(published / "full", tmp_path / "scores.json", "lab/by-folder")
    done = commands.run("model_cards", *words)
    assert done.code == 2 and "name the corpus on the Hub by --dataset-id" in done.output
    done = commands.run("model_cards", *words, "--dataset-id", "lab/other-rows")
    assert done.code == 2 and "its rows differ from data/corpus" in done.output
    assert commands.run("model_cards", *words, "--dataset-id", CORPUS).code == 0
    commit = hub.commits(f"datasets/{CORPUS}")[0]["id"]
    assert commit in hub.text("lab/by-folder/resolve/main/README.md")


def test_model_of_gemmas_pairs_carries_its_terms(
    hub: RunningHub, published: Path, sources: Path, tmp_path: Path, commands: Commands
) -> None:
    """If it was trained on them: another licence is refused; with it, card and files have terms and notice."""
    for path in (sources / "qa/t").iterdir():
        path.write_text(path.read_text().replace('"t"', '"gemma"'))
    (sources / "qa/t").rename(sources / "qa/gemma")
    build(sources / "papers", sources / "qa", ["gemma"], ["u"], sources / "corpus", "apache-2.0")
    words = ("push", "--dataset", sources / "corpus", "--repo-id", "lab/by-gemma", "--contexts", "full")
    assert commands.run("dataset_builder", *words).code == 0
    commit = hub.commits("datasets/lab/by-gemma")[0]["id"]
    scores = published / "eval/scores.json"

    # Scored on such a corpus, but trained on another one.
    by_gemma = {"dataset": "lab/by-gemma", "revision": commit}
    (tmp_path / "scores.json").write_text(json.dumps(json.loads(scores.read_text()) | by_gemma))
    done = commands.run("model_cards", *_publish(published / "full", tmp_path / "scores.json", "lab/apart"))
    assert done.code == 0, done.output
    text = hub.text("lab/apart/resolve/main/README.md")
    head = hub.commits(f"datasets/{CORPUS}")[0]["id"]
    assert f"- Corpus: `{CORPUS}`, revision `{head}`" in text and "- Teacher: `detailed`" in text
    assert f"on another corpus or revision: `lab/by-gemma`, revision `{commit}`." in text

    # Trained on it, but scored on another.
    run = _copied(published / "full", tmp_path / "run", {}, dataset="lab/by-gemma", dataset_revision=commit)
    words = _publish(run, scores, "lab/gemmas")
    done = commands.run("model_cards", *words)
    assert done.code == 2 and "the model was made from pairs written by gemma" in done.output
    assert "pass --license gemma" in done.output
    of_gemma = _publish(published / "full", scores, "lab/x", "--base-model", "google/gemma-2b")
    done = commands.run("model_cards", *of_gemma)
    assert done.code == 2 and "the model was made from google/gemma-2b. Gemma's terms" in done.output
    assert commands.run("model_cards", *words, "--license", "gemma").code == 0
    texts = _texts(hub, "lab/gemmas")
    assert f"- Corpus: `lab/by-gemma`, revision `{commit}`" in texts["README.md"]
    assert f"on another corpus or revision: `{CORPUS}`, revision `{head}`." in texts["README.md"]
    assert yaml.safe_load(texts["recipe.yaml"])["license"] == "gemma"
    assert json.loads(texts["metrics.json"])["license"] == "gemma"
    assert "license: gemma" in ModelCard(texts["README.md"]).text
    assert "https://ai.google.dev/gemma/prohibited_use_policy" in texts["README.md"]
    assert texts["NOTICE"] == (
        "Gemma is provided under and subject to the Gemma Terms of Use found at ai.google.dev/gemma/terms\n"
    )
    card = ModelCard(texts["README.md"])
    assert (card.data.license, card.data.license_name) == ("other", "gemma")
    assert card.data.license_link == "https://ai.google.dev/gemma/terms"
    assert "under and subject to the Gemma Terms of Use" in card.text


def test_incomplete_or_unscored_weights_are_refused(
    hub: RunningHub, published: Path, tmp_path: Path, commands: Commands
) -> None:
    """Weights that are cut off, or that were not scored. Nothing is requested from the Hub."""
    run = shutil.copytree(published / "full", tmp_path / "full")
    words = ("publish", "--run", run, "--repo-id", "lab/none", "--scores", published / "eval/scores.json")
    weights = run / "model.safetensors"
    whole = weights.read_bytes()
    hub.take_requests()
    weights.write_bytes(whole[:-100])
    done = commands.run("model_cards", *words)
    assert done.code == 2 and "is not a complete safetensors file" in done.output
    weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    done = commands.run("model_cards", *words)
    assert done.code == 2 and "has no scores of" in done.output
    assert hub.take_requests() == []


def test_run_on_another_local_corpus_needs_that_corpus_on_the_hub(
    hub: RunningHub, published: Path, sources: Path, tmp_path: Path, commands: Commands
) -> None:
    """It is not the scores' corpus. Its Hub id is needed, must have the same rows, and is then in the card."""
    build(sources / "papers", sources / "qa", ["t"], ["u"], sources / "corpus", "apache-2.0")
    revision = corpus_revision(str(sources / "corpus"))
    run = _copied(published / "lora", tmp_path / "run", {}, dataset=str(sources / "corpus"), dataset_revision=revision)
    words = _publish(run, published / "eval/scores.json", "lab/own-corpus")
    done = commands.run("model_cards", *words)
    assert done.code == 2 and "name the corpus on the Hub by --train-dataset-id ORG/NAME" in done.output
    done = commands.run("model_cards", *words, "--train-dataset-id", CORPUS)
    assert done.code == 2 and f"--train-dataset-id {CORPUS}: its rows differ from" in done.output
    push = ("push", "--dataset", sources / "corpus", "--repo-id", "lab/trained-on", "--contexts", "none")
    assert commands.run("dataset_builder", *push).code == 0
    done = commands.run("model_cards", *words, "--train-dataset-id", "lab/trained-on")
    assert done.code == 0, done.output
    commit = hub.commits("datasets/lab/trained-on")[0]["id"]
    texts = _texts(hub, "lab/own-corpus")
    assert f"- Corpus: `lab/trained-on`, revision `{commit}`" in texts["README.md"]
    assert "- Teacher: `t`" in texts["README.md"]
    metrics = json.loads(texts["metrics.json"])
    assert (metrics["dataset"], metrics["dataset_revision"]) == ("lab/trained-on", commit)
    assert json.loads(texts["scores.json"])["dataset"] == CORPUS


def test_run_without_its_corpus_revision_is_refused(published: Path, tmp_path: Path, commands: Commands) -> None:
    """The card could not say what the model was trained on."""
    run = _copied(published / "lora", tmp_path / "run", {}, dataset_revision=None)
    done = commands.run("model_cards", *_publish(run, published / "eval/scores.json", "lab/unknown"))
    assert done.code == 2 and "does not say at which revision" in done.output and "train it again" in done.output


def test_corpus_without_a_report_is_refused(
    hub: RunningHub, published: Path, tmp_path: Path, commands: Commands
) -> None:
    """One on the Hub that this project did not push."""
    code = """
from huggingface_hub import HfApi
HfApi().create_repo("lab/no-report", repo_type="dataset")
HfApi().upload_file(path_or_fileobj=b"A card.", path_in_repo="README.md", repo_id="lab/no-report", repo_type="dataset")
"""
    assert hub.run(tmp_path, "-c", code).returncode == 0
    changes = {"dataset": "lab/no-report", "revision": hub.commits("datasets/lab/no-report")[0]["id"]}
    scores = tmp_path / "scores.json"
    scores.write_text(json.dumps(json.loads((published / "eval/scores.json").read_text()) | changes))
    done = commands.run("model_cards", *_publish(published / "full", scores, "lab/unknown"))
    assert done.code == 2 and "lab/no-report, the corpus of the scores in" in done.output
    assert "has no report.json at commit" in done.output and "dataset_builder push" in done.output
    assert "Traceback" not in done.output


def test_model_of_dpo_names_the_adapter_it_started_from(
    hub: RunningHub,
    published: Path,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    commands: Commands,
) -> None:
    """Recipe, metrics and card name it; the card shows a curve of margins and none of the loss on the answers."""
    dpo = {
        **{"method": "dpo", "adapter": str(published / "lora")},
        "preference_by_step": [{"step": step, "margin": step / 10, "accuracy": 0.75} for step in (1, 2)],
        "validation": {"epoch": None, "loss": None, "similarity": None},
    }
    run = _copied(published / "lora", tmp_path / "run", {"model_name_or_path": str(published / "lora")}, **dpo)
    words = _publish(run, published / "eval/scores.json", "lab/dpo")
    done = commands.run("model_cards", *words)
    assert done.code == 2 and "--start-model ORG/NAME" in done.output
    done = commands.run("model_cards", *words, "--start-model", "lab/tiny-none")
    assert done.code == 2 and "model lab/tiny-none: is not on the Hub" in done.output
    done = commands.run("model_cards", *words, "--start-model", "lab/tiny-lora")
    assert done.code == 0, done.output
    texts = _texts(hub, "lab/dpo")
    assert yaml.safe_load(texts["recipe.yaml"])["model_name_or_path"] == "lab/tiny-lora"
    metrics = json.loads(texts["metrics.json"])
    assert (metrics["adapter"], metrics["base_model"]) == ("lab/tiny-lora", BASE)
    card = ModelCard(texts["README.md"]).text
    assert "Training started from the adapter `lab/tiny-lora`." in card and "loss is computed" not in card
    assert "loss_curve.png" not in card and "answers](reward_curve.png)" in card
    files = hub.files("models/lab/dpo")
    assert "reward_curve.png" in files and "loss_curve.png" not in files
    base = shared_folder(tmp_path_factory)
    assert [path for path, text in texts.items() if _names_this_machine(text, base)] == []
    assert stray_table_rows(card) == []


@pytest.mark.parametrize("where", ["scores", "recipe"])
def test_encoder_without_a_name_on_the_hub_is_refused(
    hub: RunningHub, published: Path, tmp_path: Path, commands: Commands, where: str
) -> None:
    """Card, scores or recipe would name its folder. Nothing is requested from the Hub."""
    folder = tmp_path / "encoder"
    folder.mkdir()
    run, scores = published / "lora", published / "eval/scores.json"
    if where == "recipe":
        run = _copied(run, tmp_path / "run", {"encoder": str(folder)})
    else:
        changed = json.loads(scores.read_text()) | {"encoders": [str(folder)]}
        scores = tmp_path / "scores.json"
        scores.write_text(json.dumps(changed))
    hub.take_requests()
    done = commands.run("model_cards", *_publish(run, scores, "lab/encoder"))
    assert done.code == 2 and f"encoder {folder}" in done.output and "source.json" in done.output, done.output
    assert not [request for request in hub.take_requests() if "/datasets/" in request]


def test_failed_publishing_shows_no_token(hub: RunningHub, published: Path, tmp_path: Path) -> None:
    """At the client's highest verbosity, in a new process, after the commit was refused."""
    hub.orders({"method": "POST", "path": "/commit/main$", "times": 9, "status": 503})
    words = _publish(published / "lora", published / "eval/scores.json", "lab/refused")
    done = hub.run(tmp_path, "-m", "model_cards", *words, HF_DEBUG="1", HF_HUB_VERBOSITY="debug")
    hub.orders()
    assert done.returncode == 2 and "preupload" in done.stderr
    assert WRITER not in done.stdout + done.stderr
