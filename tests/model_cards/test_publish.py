"""Models on the Hub: trained from there, published there, and loaded from there again with the same answers."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from huggingface_hub import ModelCard, parse_eval_result_entries

from dataset_builder.build import build
from tests.conftest import REPOSITORY
from tests.hub.commands import Commands
from tests.hub.running import RunningHub

# Six processes with torch stand behind the first of these tests.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

CORPUS, BASE = "lab/isca-qa-for-models", "somebody/tiny-gpt2"
METHODS = ("full", "lora")
UPLOAD_BASE = """
import sys
from huggingface_hub import HfApi
HfApi().create_repo(sys.argv[2])
HfApi().upload_folder(repo_id=sys.argv[2], folder_path=sys.argv[1])
"""
# Runs the snippet of each card as it is printed there, then asks the models that it loaded the evaluation's questions.
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
    launch = Path(sys.executable).with_name("accelerate")
    for method in METHODS:
        done = hub.run(
            folder / f"home-{method}",
            *(launch, "launch", "--config_file", "accelerate_config.yaml", "-m", "training.sft"),
            *("--config", REPOSITORY / f"training/recipes/tiny-{method}.yaml", "--max_steps", "2"),
            *("--dataset", CORPUS, "--model_name_or_path", BASE),
            *("--encoder", encoder, "--output_dir", folder / method),
        )
        assert done.returncode == 0, done.stderr
    done = hub.run(
        folder / "home-eval",
        *("-m", "eval", "run", "--dataset", CORPUS, "--configs", "plain,detailed", "--questions", 6),
        *("--encoder", encoder, "--out", folder / "eval", "--models", f"baseline={BASE}"),
        *(f"{method}={folder / method}" for method in METHODS),
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def published(hub: RunningHub, trained: Path, commands: Commands) -> Path:
    """Publish both runs, in whose folders pickles lie, too; return the folder."""
    for method in METHODS:
        for name in ("training_args.bin", "optimizer.pt", "pytorch_model.bin", "notes.txt"):
            (trained / method / name).write_bytes(b"\x80\x04.")
        words = ("publish", "--run", trained / method, "--repo-id", f"lab/tiny-{method}", "--tag", "v1")
        done = commands.run("model_cards", *words, "--scores", trained / "eval/scores.json")
        assert done.code == 0, done.output
    return trained


def test_what_is_sent(hub: RunningHub, published: Path) -> None:
    """Weights as safetensors, tokenizer, recipe, log, card, figure and scores; no pickle and nothing else."""
    both = "README.md tokenizer.json tokenizer_config.json recipe.yaml metrics.json environment.json loss_curve.png"
    both = {*both.split(), "scores.json", ".eval_results/isca-qa.yaml"}
    full = {"model.safetensors", "config.json", "generation_config.json"}
    assert hub.files("models/lab/tiny-full").keys() == both | full
    assert hub.files("models/lab/tiny-lora").keys() == both | {"adapter_model.safetensors", "adapter_config.json"}


def test_new_process_loads_both_and_answers_as_before(
    hub: RunningHub, published: Path, corpus: Path, tmp_path: Path
) -> None:
    """By the cards' own snippets, with an empty HF_HOME; the answers are the evaluation's, the scores read back."""
    predictions = {m: pq.read_table(published / f"eval/predictions/plain.{m}.parquet").to_pylist() for m in METHODS}
    rows = pq.read_table(corpus / "plain/test-00000-of-00001.parquet").to_pylist()
    asked = {(row["paper_id"], row["question"]) for row in predictions["full"]}
    questions = [row for row in rows if (row["paper_id"], row["question"]) in asked]
    (tmp_path / "questions.json").write_text(json.dumps(questions))
    done = hub.run(tmp_path / "home", "-c", LOAD, tmp_path / "questions.json", "lab/tiny-full", "lab/tiny-lora")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    scores = json.loads((published / "eval/scores.json").read_text())
    commit = hub.commits(f"datasets/{CORPUS}")[0]["id"]
    for method, relation in (("full", "finetune"), ("lora", "adapter")):
        loaded = found[f"lab/tiny-{method}"]
        assert loaded["answers"] == [row["prediction"] for row in predictions[method]]
        assert loaded["printed"].strip()
        measured = {config: of["cosine_similarity"]["mean"] for config, of in scores["models"][method].items()}
        assert loaded["scores"] == measured and len(measured) == 2
        assert (loaded["base"], loaded["relation"]) == (BASE, relation)
        assert loaded["revisions"] == [commit, commit]


@pytest.mark.parametrize("method", METHODS)
def test_nothing_names_this_machine(hub: RunningHub, published: Path, method: str) -> None:
    """No path of the folders that it was trained in, in any text that was sent; adapter and recipe name Hub ids."""
    for path in hub.files(f"models/lab/tiny-{method}"):
        if not path.endswith((".safetensors", ".png")):
            assert str(published) not in hub.text(f"lab/tiny-{method}/resolve/main/{path}"), path
    recipe = yaml.safe_load(hub.text(f"lab/tiny-{method}/resolve/main/recipe.yaml"))
    assert (recipe["model_name_or_path"], recipe["dataset"]) == (BASE, CORPUS)


def test_leaderboard_scores_pin_the_corpus(hub: RunningHub, published: Path) -> None:
    """`.eval_results`, read by huggingface_hub: task, value, commit of the corpus, date and source."""
    scores = json.loads((published / "eval/scores.json").read_text())["models"]["lora"]
    path = "lab/tiny-lora/resolve/main/.eval_results/isca-qa.yaml"
    entries = parse_eval_result_entries(yaml.safe_load(hub.text(path)))
    commit = hub.commits(f"datasets/{CORPUS}")[0]["id"]
    tasks = [task["id"] for task in yaml.safe_load(hub.text(f"datasets/{CORPUS}/resolve/main/eval.yaml"))["tasks"]]
    assert [entry.task_id for entry in entries] == tasks
    for entry in entries:
        assert (entry.dataset_id, entry.dataset_revision) == (CORPUS, commit)
        assert entry.value == scores[entry.task_id]["cosine_similarity"]["mean"]
        assert entry.date.count("-") == 2
        assert entry.source_url == f"{hub.url}/lab/tiny-lora/blob/main/scores.json"
    assert json.loads(hub.text("lab/tiny-lora/resolve/main/scores.json"))["models"]["lora"] == scores


def test_publishing_again_makes_no_commit(hub: RunningHub, published: Path, commands: Commands) -> None:
    """The same run and scores, with the tag that is there."""
    before = hub.commits("models/lab/tiny-full")
    words = ("publish", "--run", published / "full", "--repo-id", "lab/tiny-full", "--tag", "v1")
    done = commands.run("model_cards", *words, "--scores", published / "eval/scores.json")
    assert (done.code, "Everything is there already" in done.output) == (0, True), done.output
    assert hub.commits("models/lab/tiny-full") == before


def test_adapter_in_the_place_of_a_model_leaves_no_model(hub: RunningHub, published: Path, commands: Commands) -> None:
    """The full model's weights and configuration go, else the repo would load as it."""
    for method in METHODS:
        words = ("publish", "--run", published / method, "--repo-id", "lab/either")
        assert commands.run("model_cards", *words, "--scores", published / "eval/scores.json").code == 0
    assert hub.files("models/lab/either").keys() == hub.files("models/lab/tiny-lora").keys()


def test_scores_on_a_folder_are_matched_with_the_hub(
    hub: RunningHub, published: Path, corpus: Path, sources: Path, tmp_path: Path, commands: Commands
) -> None:
    """By the rows: the same corpus on the Hub gives its commit, another one is refused, none named is asked for."""
    scores = json.loads((published / "eval/scores.json").read_text())
    revision = json.loads((corpus / "report.json").read_text())["revision"]
    (tmp_path / "scores.json").write_text(json.dumps(scores | {"dataset": "data/corpus", "revision": revision}))
    build(sources / "papers", sources / "qa", "t", ["u"], sources / "corpus", "apache-2.0")
    words = ("push", "--dataset", sources / "corpus", "--repo-id", "lab/other-rows", "--contexts", "none")
    assert commands.run("dataset_builder", *words).code == 0
    words = (
        "publish",
        "--run",
        published / "full",
        "--repo-id",
        "lab/by-folder",
        "--scores",
        tmp_path / "scores.json",
    )
    done = commands.run("model_cards", *words)
    assert done.code == 2 and "name the corpus on the Hub by --dataset-id" in done.output
    done = commands.run("model_cards", *words, "--dataset-id", "lab/other-rows")
    assert done.code == 2 and "has other rows than data/corpus" in done.output
    assert commands.run("model_cards", *words, "--dataset-id", CORPUS).code == 0
    commit = hub.commits(f"datasets/{CORPUS}")[0]["id"]
    assert commit in hub.text("lab/by-folder/resolve/main/README.md")


def test_model_of_gemmas_pairs_carries_its_terms(
    hub: RunningHub, published: Path, sources: Path, tmp_path: Path, commands: Commands
) -> None:
    """Refused under another licence; with it, the card says other, names Gemma's terms, and carries the notice."""
    for path in (sources / "qa/t").iterdir():
        path.write_text(path.read_text().replace('"t"', '"gemma"'))
    (sources / "qa/t").rename(sources / "qa/gemma")
    build(sources / "papers", sources / "qa", "gemma", ["u"], sources / "corpus", "apache-2.0")
    words = ("push", "--dataset", sources / "corpus", "--repo-id", "lab/of-gemma", "--contexts", "full")
    assert commands.run("dataset_builder", *words).code == 0
    scores = json.loads((published / "eval/scores.json").read_text())
    of_gemma = {"dataset": "lab/of-gemma", "revision": hub.commits("datasets/lab/of-gemma")[0]["id"]}
    (tmp_path / "scores.json").write_text(json.dumps(scores | of_gemma))
    words = ("publish", "--run", published / "full", "--repo-id", "lab/gemmas", "--scores", tmp_path / "scores.json")
    done = commands.run("model_cards", *words)
    assert done.code == 2 and "pass --license gemma" in done.output
    assert commands.run("model_cards", *words, "--license", "gemma").code == 0
    card = ModelCard(hub.text("lab/gemmas/resolve/main/README.md"))
    assert (card.data.license, card.data.license_name) == ("other", "gemma")
    assert card.data.license_link == "https://ai.google.dev/gemma/terms"
    assert "under and subject to the Gemma Terms of Use" in card.text


def test_weights_that_are_none_or_unscored_are_refused(
    hub: RunningHub, published: Path, tmp_path: Path, commands: Commands
) -> None:
    """Weights cut short, and weights other than those that the scores are of; the Hub is not asked."""
    run = shutil.copytree(published / "full", tmp_path / "full")
    words = ("publish", "--run", run, "--repo-id", "lab/none", "--scores", published / "eval/scores.json")
    weights = run / "model.safetensors"
    whole = weights.read_bytes()
    hub.take_requests()
    weights.write_bytes(whole[:-100])
    done = commands.run("model_cards", *words)
    assert done.code == 2 and "is no whole safetensors file" in done.output
    weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    done = commands.run("model_cards", *words)
    assert done.code == 2 and "has no scores of" in done.output
    assert hub.take_requests() == []
