"""Cards: valid for the Hub's own classes, with the measured scores, and snippets that run."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from huggingface_hub import ModelCard

from dataset_builder.corpus.parquet import write_rows
from dataset_builder.errors import InputError
from eval.run import run
from model_cards.render import render
from model_cards.scores import scores_table
from tests.cards import stray_table_rows
from tests.conftest import REPOSITORY, SAMPLE, contents


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory, corpus: Path, tiny_base: Path, encoder: Path) -> Path:
    """Return a folder with a corpus, a full and a LoRA run on a base that says its Hub id, and their scores."""
    from training.sft import main

    folder = tmp_path_factory.mktemp("scored")
    shutil.copytree(corpus, folder / "corpus")
    base = shutil.copytree(tiny_base, folder / "base")
    (base / "source.json").write_text(json.dumps({"hub_id": "somebody/base", "note": "The weights were shaken."}))
    models = {"baseline": str(base)}
    for method in ("full", "lora"):
        models[method] = str(folder / method)
        recipe = REPOSITORY / f"training/recipes/tiny-{method}.yaml"
        words = ("--config", recipe, "--model_name_or_path", base, "--dataset", folder / "corpus")
        words += ("--encoder", encoder, "--output_dir", models[method], "--max_steps", "2")
        main([str(word) for word in words])
    run(str(folder / "corpus"), ["plain", "detailed"], models, [str(encoder)], folder / "eval", questions=6)
    render(folder / "corpus", folder / "eval/scores.json", "somebody/isca-qa")
    return folder


@pytest.mark.parametrize(
    ("method", "relation", "library"), [("full", "finetune", "transformers"), ("lora", "adapter", "peft")]
)
def test_model_card_says_what_was_measured(scored: Path, method: str, relation: str, library: str) -> None:
    """Metadata and scores, read back by huggingface_hub."""
    card = ModelCard.load(scored / method / "README.md")
    data = card.data
    assert (data.base_model, data.base_model_relation) == ("somebody/base", relation)
    assert (data.library_name, data.pipeline_tag, data.license) == (library, "text-generation", "apache-2.0")
    assert data.datasets == ["somebody/isca-qa"]
    scores = json.loads((scored / "eval/scores.json").read_text())
    measured = {config: of["cosine_similarity"]["mean"] for config, of in scores["models"][method].items()}
    assert {result.dataset_config: result.metric_value for result in data.eval_results} == measured
    assert {result.dataset_revision for result in data.eval_results} == {scores["revision"]}
    for mean in measured.values():
        assert f"{mean:.3f}" in card.text
    assert "The weights were shaken." in card.text
    assert ("Trained and scored on the base as described above" in card.text) == (method == "lora")
    nearest = scores["heuristics"]["nearest sentence to the question"]["configs"]
    assert (
        f"| floor: nearest sentence to the question | {nearest['plain']['cosine_similarity']['mean']:.3f}" in card.text
    )
    assert f"`somebody/isca-qa` at revision `{scores['revision']}`" in card.text
    assert "The scores above are on the test questions of the same corpus." in card.text
    validation = json.loads((scored / method / "metrics.json").read_text())["validation"]
    assert f"after epoch {validation['epoch']}," in card.text and f"{validation['similarity']:.3f}." in card.text
    assert "This model: `apache-2.0`" in card.text and "Who wrote the pairs is `detailed`." in card.text
    assert str(scored / "base") not in str(data)


def test_cards_leave_no_template_behind(scored: Path) -> None:
    """No braces of Jinja's, no None, no two blank lines on end."""
    for name in ("corpus", "full", "lora"):
        text = (scored / name / "README.md").read_text()
        assert text.count("<!-- isca-qa:begin") == text.count("<!-- isca-qa:end -->") == 1
        body = text.split("---\n", 2)[2]
        assert not re.search(r"\{\{|\{%|%\}|\bNone\b|\bundefined\b|\n\n\n", body), body
        assert stray_table_rows(body) == []


@pytest.mark.parametrize("method", ["full", "lora"])
def test_snippet_runs_and_answers_as_the_evaluation_did(
    scored: Path, method: str, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The card's code, on the first question that was scored; the base's Hub id is given its folder's path."""
    row = pq.read_table(scored / f"eval/predictions/plain.{method}.parquet").to_pylist()[0]
    text = (scored / method / "README.md").read_text()
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL).group(1)
    papers = [json.loads(line) for path in SAMPLE.glob("papers/*.jsonl") for line in path.open()]
    abstract = next(paper["abstract"] for paper in papers if paper["paper_id"] == row["paper_id"])
    code = re.sub(r"abstract = .*", lambda _: f"abstract = {abstract!r}", code)
    code = re.sub(r"question = .*", lambda _: f"question = {row['question']!r}", code)
    code = code.replace('"somebody/base"', repr(str(scored / "base")))
    capsys.readouterr()
    exec(compile(code, "snippet", "exec"), {})
    assert capsys.readouterr().out.strip() == row["prediction"]


def test_scores_of_another_corpus_or_model_are_refused(tmp_path: Path, scored: Path) -> None:
    """The model was trained anew, or the corpus built anew, after the scores were made."""
    for changed, complaint in (
        ("full/model.safetensors", "its scores of full were made before"),
        ("corpus/plain/test-00000-of-00001.parquet", "is another corpus"),
    ):
        file = scored / changed
        before = file.read_bytes()
        if file.suffix == ".parquet":
            write_rows(file, pq.read_table(file).to_pylist()[1:])
        else:
            file.write_bytes(before[:-1] + b"\0")
        try:
            with pytest.raises(InputError, match=complaint):
                render(scored / "corpus", scored / "eval/scores.json", "isca-qa")
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


def test_card_of_a_run_on_another_corpus_says_so(scored: Path, tmp_path: Path) -> None:
    """Its own corpus and revision, apart from those of the scores; and that a revision was not recorded."""
    scores = json.loads((scored / "eval/scores.json").read_text())
    path = scored / "full/metrics.json"
    before = path.read_text()
    try:
        for revision, words in (
            ("0" * 40, f"at revision `{'0' * 40}`"),
            (None, "at a revision that was not recorded"),
        ):
            path.write_text(json.dumps(json.loads(before) | {"dataset": "lab/older", "dataset_revision": revision}))
            render(scored / "corpus", scored / "eval/scores.json", "somebody/isca-qa")
            text = (scored / "full/README.md").read_text()
            assert f"of the corpus `lab/older` {words}" in text and "Who wrote the pairs" not in text
            assert f"another state or corpus: `somebody/isca-qa` at revision `{scores['revision']}`." in text
    finally:
        path.write_text(before)
        render(scored / "corpus", scored / "eval/scores.json", "somebody/isca-qa")


def test_scores_of_an_older_version_are_refused(tmp_path: Path, scored: Path) -> None:
    """Without the folders of the models and the date, in one message."""
    scores = json.loads((scored / "eval/scores.json").read_text())
    (tmp_path / "scores.json").write_text(json.dumps({k: scores[k] for k in ("dataset", "revision", "models")}))
    with pytest.raises(InputError, match=r"has no date, encoders, model_folders, .*`python -m eval run` again"):
        render(scored / "corpus", tmp_path / "scores.json", "isca-qa")


def test_missing_scores_exit_2(tmp_path: Path, corpus: Path, stage: Callable) -> None:
    """A scores file that is not there, by the command."""
    done = stage("model_cards", "render", "--dataset", corpus, "--scores", tmp_path / "scores.json")
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {tmp_path / 'scores.json'}: cannot be read")


def test_table_has_an_interval_where_the_scores_have_one() -> None:
    """One model with, one without; a config that a model was not scored on stays empty."""
    scores = {
        "models": {
            "baseline": {"a": {"cosine_similarity": {"mean": 0.5}}},
            "lora": {
                "a": {"cosine_similarity": {"mean": 0.61, "low": 0.6, "high": 0.625}},
                "b": {"cosine_similarity": {"mean": 0.7}},
            },
        },
        "heuristics": {
            "the reference": {"kind": "ceiling", "configs": {"a": {"cosine_similarity": {"mean": 1.0}}}},
            "the question": {"kind": "floor", "configs": {"b": {"cosine_similarity": {"mean": 0.2}}}},
        },
    }
    assert scores_table(scores) == (
        "| model | test by `a` | test by `b` |\n| --- | ---: | ---: |\n"
        "| floor: the question |  | 0.200 |\n"
        "| baseline | 0.500 |  |\n| lora | 0.610 [0.600, 0.625] | 0.700 |\n"
        "| ceiling: the reference | 1.000 |  |"
    )
