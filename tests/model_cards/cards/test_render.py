"""Cards on this machine: valid for the Hub's own classes, with the scores, and code examples that run."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from huggingface_hub import ModelCard

from dataset_builder.corpus.report import read_corpus_report
from dataset_builder.corpus.rows import read_rows
from dataset_builder.corpus.split_files import write_split
from dataset_builder.errors import InputError
from dataset_builder.formats import write_format
from dataset_builder.models.folders import METRICS_FILE, find_encoder, find_model
from eval.analysis.scores import MetricScore, Scores, read_scores
from eval.run import run
from eval.run_metrics import StepPreference, read_run_metrics
from eval.systems import System
from model_cards.cards.metadata import eval_results_yaml
from model_cards.cards.model_card import model_card
from model_cards.names import Names
from model_cards.render import render
from model_cards.trained_run import read_trained_run
from model_cards.training_data import Corpus, TrainingData
from tests.cards import stray_table_rows
from tests.conftest import REPOSITORY, contents
from tests.corpus_slice import CORPUS_SLICE
from tests.dataset_builder.corpus.publication.test_teachers_card import manifest


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory, corpus: Path, tiny_base: Path, encoder: Path) -> Path:
    """Return a folder with a corpus, a full and a LoRA run on a base that has a Hub id, and their scores."""
    from training.sft import main

    folder = tmp_path_factory.mktemp("scored")
    shutil.copytree(corpus, folder / "corpus")
    base = shutil.copytree(tiny_base, folder / "base")
    (base / "source.json").write_text(json.dumps({"hub_id": "somebody/base", "note": "The weights were changed."}))
    models = {"baseline": str(base)}
    for method in ("full", "lora"):
        models[method] = str(folder / method)
        recipe = REPOSITORY / f"tests/recipes/tiny-{method}.yaml"
        words = ("--config", recipe, "--model_name_or_path", base, "--dataset", folder / "corpus")
        words += ("--encoder", encoder, "--output_dir", models[method], "--max_steps", "2")
        main([str(word) for word in words])
    systems = [System(name, find_model(name, model)) for name, model in models.items()]
    encoders = [find_encoder("--encoders", str(encoder))]
    run(str(folder / "corpus"), ["plain", "detailed"], systems, encoders, folder / "eval", questions=6)
    render(folder / "corpus", folder / "eval/scores.json", "somebody/isca-qa")
    return folder


@pytest.mark.parametrize(
    ("method", "relation", "library"), [("full", "finetune", "transformers"), ("lora", "adapter", "peft")]
)
def test_model_card_has_the_scores(scored: Path, method: str, relation: str, library: str) -> None:
    """Metadata and scores, read back by huggingface_hub."""
    card = ModelCard.load(scored / method / "README.md")
    data = card.data
    assert (data.base_model, data.base_model_relation) == ("somebody/base", relation)
    assert (data.library_name, data.pipeline_tag, data.license) == (library, "text-generation", "apache-2.0")
    assert data.datasets == ["somebody/isca-qa"]
    scores = read_scores(scored / "eval/scores.json")
    similarities = {config: _similarity(scores, method, config) for config in scores.systems[method].configs}
    assert {result.dataset_config: result.metric_value for result in data.eval_results} == {
        config: similarity.mean for config, similarity in similarities.items()
    }
    assert {result.dataset_revision for result in data.eval_results} == {scores.revision}
    for similarity in similarities.values():
        assert f"{similarity.mean:.3f}" in card.text
    for config, entry in scores.systems[method].configs.items():
        sentence = (
            f"by the teacher `{config}`. {entry.cut_answers} of this model's answers are cut off at 64 tokens.\n"
        )
        assert entry.cut_answers > 1 and sentence in card.text
    assert "The weights were changed." in card.text
    assert ("trained and scored on a slightly different base model" in card.text) == (method == "lora")
    nearest = scores.heuristics["nearest sentence to the question"].configs["plain"].metrics["cosine_similarity"]
    assert f"| nearest sentence to the question (heuristic baseline) | {nearest.mean:.3f}" in card.text
    assert f"- Corpus: `somebody/isca-qa`, revision `{scores.revision}`" in card.text
    assert "The scores above are on the test split of the same corpus." in card.text
    validation = read_run_metrics(scored / method).validation
    assert f"from epoch {validation.epoch:g}, which had the highest mean similarity: {validation.similarity:.3f}." in (
        card.text
    )
    assert "- Teacher: `detailed`, whose model is not recorded\n" in card.text
    assert str(scored / "base") not in str(data)


def test_card_names_the_model_that_wrote_the_pairs(scored: Path) -> None:
    """As the teacher's manifest has it, with its revision; of a model in a folder, the folder's name."""
    scores, report = read_scores(scored / "eval/scores.json"), read_corpus_report(scored / "corpus")
    trained_run = read_trained_run(find_model("full", str(scored / "full")), "full")
    for model, name in ((manifest().model, manifest().model), (str(scored / "mine"), "mine")):
        teachers = {"detailed": manifest().model_copy(update={"model": model})}
        corpus = Corpus("c", "r", report.model_copy(update={"teachers": teachers}))
        names = Names("m", "b", True, corpus, TrainingData(corpus), None)
        text = model_card(trained_run, scores, names, "mit")
        assert f"- Teacher: `detailed`, the model `{name}`, revision `{manifest().revision}`\n" in text


def test_scores_of_a_sample_say_so(scored: Path) -> None:
    """Six questions of each config were asked: in the card's text, its metadata and the file for leaderboards."""
    card = ModelCard.load(scored / "full/README.md")
    scores, report = read_scores(scored / "eval/scores.json"), read_corpus_report(scored / "corpus")
    corpus = Corpus("somebody/isca-qa", "0" * 40, report)
    names = Names("m", "b", True, corpus, TrainingData(corpus), None, "https://example.org/scores.json")
    entries = yaml.safe_load(eval_results_yaml(scores, "full", names))
    for config, result, entry in zip(("plain", "detailed"), card.data.eval_results, entries, strict=True):
        words = f"a sample of 6 of {report.configs[config]['test'].pairs} questions"
        assert result.dataset_name == f"ISCA-QA, test by {config}, {words}"
        assert f"- Test by `{config}`: {words} on" in card.text
        assert f"{config} ({scores.systems['full'].configs[config].papers} papers)" in card.text
        assert f", {words} on" in entry["notes"]
        total = report.configs[config]["test"].pairs
        assert corpus.asked(config, total) == f"{total} questions"
    assert scores.sampled_questions == 6


def _similarity(scores: Scores, system: str, config: str) -> MetricScore:
    return scores.systems[system].configs[config].metrics["cosine_similarity"]


def test_citation_is_that_of_the_project(scored: Path) -> None:
    """Title, author and year as in CITATION.cff."""
    citation = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text())
    text = (scored / "full/README.md").read_text()
    assert f"title = {{{citation['title']}}}" in text
    assert f"author = {{{{{citation['authors'][0]['name']}}}}}" in text
    assert f"year = {{{citation['date-released'].year}}}" in text


def test_cards_leave_no_template_behind(scored: Path) -> None:
    """No braces of Jinja, no None, one blank line before each heading, no paragraph that is taken into a table."""
    for name in ("corpus", "full", "lora"):
        text = (scored / name / "README.md").read_text()
        assert text.count("<!-- isca-qa:begin") == text.count("<!-- isca-qa:end -->") == 1
        body = text.split("---\n", 2)[2]
        assert not re.search(r"\{\{ |\{%|%\}|\bNone\b|\bundefined\b|\n\n\n|[^\n]\n## ", body), body
        assert stray_table_rows(body) == []


@pytest.mark.parametrize("method", ["full", "lora"])
def test_snippet_runs_and_answers_as_the_evaluation_did(
    scored: Path, method: str, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The card's code on the first question of the evaluation, with the folder of the base in place of its Hub id."""
    row = pq.read_table(scored / f"eval/predictions/plain.{method}.parquet").to_pylist()[0]
    text = (scored / method / "README.md").read_text()
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL).group(1)
    papers = [json.loads(line) for path in CORPUS_SLICE.glob("papers/*.jsonl") for line in path.open()]
    abstract = next(paper["abstract"] for paper in papers if paper["paper_id"] == row["paper_id"])
    code = re.sub(r"abstract = .*", lambda _: f"abstract = {abstract!r}", code)
    code = re.sub(r"question = .*", lambda _: f"question = {row['question']!r}", code)
    code = code.replace('"somebody/base"', repr(str(scored / "base")))
    capsys.readouterr()
    exec(compile(code, "snippet", "exec"), {})
    assert capsys.readouterr().out.strip() == row["prediction"]


def test_scores_of_another_corpus_or_model_are_refused(tmp_path: Path, scored: Path) -> None:
    """The model or the corpus has changed since the evaluation."""
    for changed, complaint in (
        ("full/model.safetensors", "has changed since full was scored"),
        ("corpus/plain/test-00000-of-00001.parquet", "has another revision"),
    ):
        file = scored / changed
        before = file.read_bytes()
        if file.suffix == ".parquet":
            write_split(file, read_rows(file)[1:])
        else:
            file.write_bytes(before[:-1] + b"\0")
        try:
            with pytest.raises(InputError, match=complaint):
                render(str(scored / "corpus"), scored / "eval/scores.json", "isca-qa")
        finally:
            file.write_bytes(before)


@pytest.mark.slow
def test_killed_rendering_ends_in_the_same_files(scored: Path, stage: Callable, killed: Callable) -> None:
    """Killed at each of the cards and figures of two runs, three files each, then run again."""
    names = ("corpus", "full", "lora")
    before = {name: contents(scored / name) for name in names}
    command = ("model_cards", "render", "--dataset", scored / "corpus", "--scores", scored / "eval/scores.json")
    command += ("--dataset-id", "somebody/isca-qa")
    for count in range(1, 7):
        killed("os.replace", count, *command)
    assert stage(*command).returncode == 0
    assert {name: contents(scored / name) for name in names} == before


def test_card_of_a_run_on_another_corpus_says_so(scored: Path) -> None:
    """It names the corpus of the training and the corpus of the scores, or says that no revision was recorded."""
    scores = read_scores(scored / "eval/scores.json")
    metrics = read_run_metrics(scored / "full")
    try:
        for revision, words in (("0" * 40, f"revision `{'0' * 40}`"), (None, "revision not recorded")):
            changes = {"dataset": "lab/older", "dataset_revision": revision}
            write_format(scored / "full" / METRICS_FILE, metrics.model_copy(update=changes))
            render(str(scored / "corpus"), scored / "eval/scores.json", "somebody/isca-qa")
            text = (scored / "full/README.md").read_text()
            assert f"- Corpus: `lab/older`, {words}\n" in text and "- Teacher:" not in text
            other = f"on another corpus or revision: `somebody/isca-qa`, revision `{scores.revision}`."
            assert other in text
    finally:
        write_format(scored / "full" / METRICS_FILE, metrics)
        render(str(scored / "corpus"), scored / "eval/scores.json", "somebody/isca-qa")


def test_card_of_dpo_says_what_is_preferred(scored: Path) -> None:
    """The adapter that it started from, its preferences, and the curve of the margins."""
    metrics = read_run_metrics(scored / "lora")
    steps = [StepPreference(step=step, margin=step / 10, accuracy=0.75) for step in (1, 2)]
    changes = {"method": "dpo", "adapter": "runs/start", "preference_by_step": steps}
    try:
        write_format(scored / "lora" / METRICS_FILE, metrics.model_copy(update=changes))
        render(str(scored / "corpus"), scored / "eval/scores.json", "somebody/isca-qa")
        text = (scored / "lora/README.md").read_text()
        assert "Training started from the adapter `runs/start`. DPO (direct" in text
        assert f"trained the adapter on {metrics.train_pairs} preferences: a question with a better and a" in text
        assert "| method | DPO: a LoRA adapter is trained with preferences" in text
        assert "answers](reward_curve.png)" in text and (scored / "lora/reward_curve.png").is_file()
        assert "loss_curve" not in text and "nats per answer token" not in text
        assert "\n\n\n" not in text and stray_table_rows(text) == []
    finally:
        write_format(scored / "lora" / METRICS_FILE, metrics)
        (scored / "lora/reward_curve.png").unlink(missing_ok=True)
        render(str(scored / "corpus"), scored / "eval/scores.json", "somebody/isca-qa")


def test_only_systems_that_are_asked_as_the_card_does_have_a_card(tmp_path: Path, scored: Path) -> None:
    """The code example of a card decodes greedily and uses the plain prompt."""
    scores = read_scores(scored / "eval/scores.json")
    guarded = scores.systems["lora"].model_copy(update={"decoding": "guarded"})
    write_format(tmp_path / "scores.json", scores.model_copy(update={"systems": {**scores.systems, "lora": guarded}}))
    cards = render(str(scored / "corpus"), tmp_path / "scores.json", "somebody/isca-qa")
    assert cards == [scored / "full/README.md"]
    closed_book = scores.systems["lora"].model_copy(update={"prompt": "closed-book", "role": "closed-book"})
    systems = {**scores.systems, "memory": closed_book}
    write_format(tmp_path / "scores.json", scores.model_copy(update={"systems": systems}))
    cards = render(str(scored / "corpus"), tmp_path / "scores.json", "somebody/isca-qa")
    assert cards == [scored / "full/README.md", scored / "lora/README.md"]
    text = (scored / "lora/README.md").read_text()
    render(str(scored / "corpus"), scored / "eval/scores.json", "somebody/isca-qa")
    assert "The table calls this model `lora`." in text
    assert "| memory (closed-book prompt) |" in text and "Closed-book prompt (memory):" in text


def test_card_states_the_gain_over_the_best_baseline(scored: Path) -> None:
    """With the interval of the paired difference; this evaluation has one baseline and two trained systems."""
    scores = read_scores(scored / "eval/scores.json")
    assert {name: system.role for name, system in scores.systems.items()} == {
        "baseline": "baseline",
        "full": "trained",
        "lora": "trained",
    }
    text = (scored / "full/README.md").read_text()
    assert "| gain in similarity | test by plain, over baseline | test by detailed, over baseline |" in text
    (gain,) = [score for score in scores.differences["plain"] if (score.first, score.second) == ("baseline", "full")]
    assert f"| full | {round(-gain.mean, 3) + 0.0:.3f}" in text


def test_folder_of_a_run_that_cannot_be_written_is_named(scored: Path) -> None:
    """A folder has the name of the file that the check writes, which stops root, too."""
    (scored / "full/.partial.probe").mkdir()
    try:
        with pytest.raises(InputError, match="full: cannot be written to"):
            render(str(scored / "corpus"), scored / "eval/scores.json", "isca-qa")
    finally:
        (scored / "full/.partial.probe").rmdir()


def test_scores_on_a_corpus_of_the_hub(scored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The card has the Hub's name and commit; a folder that is not there is not taken for a Hub id."""
    scores, commit = read_scores(scored / "eval/scores.json"), "0" * 40
    corpus = Corpus("lab/isca", commit, read_corpus_report(scored / "corpus"))
    write_format(tmp_path / "scores.json", scores.model_copy(update={"dataset": "lab/isca", "revision": commit}))
    monkeypatch.setattr("model_cards.render.corpus_on_hub", lambda *given: corpus if given[2] == "lab/isca" else None)
    with pytest.raises(InputError, match="nowhere: folder not found"):
        render(str(tmp_path / "nowhere"), tmp_path / "scores.json", "isca-qa")
    render("lab/isca", tmp_path / "scores.json", "isca-qa")
    data = ModelCard.load(scored / "full/README.md").data
    render(str(scored / "corpus"), scored / "eval/scores.json", "somebody/isca-qa")
    assert {(result.dataset_type, result.dataset_revision) for result in data.eval_results} == {("lab/isca", commit)}


def test_model_behind_a_server_is_in_the_table_of_a_card(tmp_path: Path, scored: Path) -> None:
    """By its name: it has no folder to check and no card, and its address is not in the card of another model."""
    scores = read_scores(scored / "eval/scores.json")
    served = {"model": "openai:http://10.0.0.7/v1#lab/big", "served_model": "lab/big", "role": "served"}
    big = scores.systems["baseline"].model_copy(update=served)
    write_format(tmp_path / "scores.json", scores.model_copy(update={"systems": {**scores.systems, "big": big}}))
    cards = render(str(scored / "corpus"), tmp_path / "scores.json", "somebody/isca-qa")
    text = (scored / "full/README.md").read_text()
    render(str(scored / "corpus"), scored / "eval/scores.json", "somebody/isca-qa")
    assert len(cards) == 2
    assert "| big | " in text and "Systems behind a server: big (lab/big)." in text
    assert "10.0.0.7" not in text


def test_published_scores_are_refused(tmp_path: Path, scored: Path) -> None:
    """They do not name the folders of the models."""
    scores = read_scores(scored / "eval/scores.json")
    public = {name: system.model_copy(update={"model": None}) for name, system in scores.systems.items()}
    write_format(tmp_path / "scores.json", scores.model_copy(update={"systems": public}))
    with pytest.raises(InputError, match="does not say where the model of baseline is"):
        render(str(scored / "corpus"), tmp_path / "scores.json", "isca-qa")


def test_missing_scores_exit_2(tmp_path: Path, corpus: Path, stage: Callable) -> None:
    """A scores file that does not exist, by the command."""
    done = stage("model_cards", "render", "--dataset", corpus, "--scores", tmp_path / "scores.json")
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {tmp_path / 'scores.json'}: cannot be read")
