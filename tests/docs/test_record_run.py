"""A finished run is recorded without folders, with its examples, and shown as the pages show it."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dataset_builder.errors import InputError
from docs import record_run
from docs.draw_figures import result_rows
from docs.results import Results
from docs.update_results import PARTS, update
from tests.conftest import REPOSITORY, contents

# The first paper of the slice's test split, and one of its questions.
PAPER = "10.1145/3470496.3527382"
SYSTEMS = ("baseline", "full", "lora")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, corpus: Path) -> Path:
    """Return the folder of a `make reproduce` on the slice: scores, metrics and predictions, with paths in them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = tmp_path_factory.mktemp("reproduce")
    scores = json.loads((REPOSITORY / "results/open_corpus.json").read_text())
    systems = {name: scores["systems"][name] | {"model": str(folder / name)} for name in SYSTEMS}
    _write(folder / "eval/scores.json", scores | {"dataset": str(corpus), "systems": systems})
    for system in ("full", "lora"):
        metrics = json.loads((REPOSITORY / f"results/open_corpus_{system}.json").read_text())
        paths = {"base_model": None, "base_model_path": str(folder / "tiny"), "dataset": str(corpus)}
        _write(folder / f"tiny-{system}/metrics.json", metrics | paths)
    (folder / "eval/predictions").mkdir()
    for config in ("plain", "detailed"):
        rows = pq.read_table(corpus / f"{config}/test-00000-of-00001.parquet").select(["paper_id", "question"])
        for system in SYSTEMS:
            answers = [f"{system} on {question}" for question in rows["question"].to_pylist()]
            table = rows.append_column("prediction", pa.array(answers))
            similarities = pa.array([0.12345] * len(answers))
            table = table.append_column("cosine_similarity", similarities)
            pq.write_table(table, folder / f"eval/predictions/{config}.{system}.parquet")
    return folder


def _write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


@pytest.fixture
def record(runs: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that records the run into a folder."""

    def call(out: Path, *words: str) -> None:
        examples = ("--good-example", "plain", PAPER, "1", "--wrong-example", "detailed", PAPER, "3")
        command = ["record_run", "--runs", str(runs), "--base", "tiny", *examples, "--out", str(out), *words]
        monkeypatch.setattr(sys, "argv", command)
        record_run.main()

    return call


def test_recorded_files(record: Callable[..., None], runs: Path, corpus: Path, tmp_path: Path) -> None:
    """Four files, without any path of the machine; scores and metrics are the run's."""
    record(tmp_path, "--commit", "abc1234", "--machine", "a machine")
    names = {"open_corpus.json", "open_corpus_full.json", "open_corpus_lora.json", "open_corpus_run.json"}
    assert contents(tmp_path).keys() == names
    folders = [str(folder).encode() for folder in (runs, corpus, tmp_path)]
    assert not [name for name, content in contents(tmp_path).items() if any(path in content for path in folders)]
    results = Results(tmp_path)
    scores = json.loads((runs / "eval/scores.json").read_text())
    recorded = json.loads((tmp_path / "open_corpus.json").read_text())
    for config, recorded_scores in recorded["systems"]["lora"]["configs"].items():
        assert recorded_scores["metrics"] == scores["systems"]["lora"]["configs"][config]["metrics"]
    assert {system.model for system in results.scores.systems.values()} == {None}
    assert results.scores.dataset == "ISCA-QA"
    assert {name: metrics.method for name, metrics in results.metrics.items()} == {"full": "full", "lora": "lora"}
    assert {metrics.base_model_path for metrics in results.metrics.values()} == {"tiny"}
    run = results.run
    assert (run.commit, run.machine, run.command) == ("abc1234", "a machine", "make reproduce")
    assert (run.teacher, run.train_papers, run.train_pairs) == ("detailed", 28, 84)
    assert (run.test_papers, run.test_pairs) == (15, {"plain": 40, "detailed": 45})


def test_recorded_examples(record: Callable[..., None], corpus: Path, tmp_path: Path) -> None:
    """The chosen question of the paper, with the answers of all systems."""
    import pyarrow.parquet as pq

    record(tmp_path)
    example = Results(tmp_path).run.wrong_example
    rows = pq.read_table(corpus / "detailed/test-00000-of-00001.parquet").to_pylist()
    row = [row for row in rows if row["paper_id"] == PAPER][2]
    assert (example.config, example.question, example.reference) == ("detailed", row["question"], row["answer"])
    assert (example.title, example.year) == (row["title"], 2022)
    assert example.answers.keys() == set(SYSTEMS)
    answer = example.answers["lora"]
    assert (answer.text, answer.similarity) == (f"lora on {row['question']}", 0.123)


def test_second_record_keeps_commit_and_machine(record: Callable[..., None], tmp_path: Path) -> None:
    """The same run recorded again, at a later commit or on another machine, changes no file."""
    record(tmp_path, "--commit", "abc1234", "--machine", "a machine")
    before = contents(tmp_path)
    record(tmp_path)
    assert contents(tmp_path) == before
    record(tmp_path, "--machine", "another machine")
    run = Results(tmp_path).run
    assert (run.commit, run.machine) == ("abc1234", "another machine")


@pytest.mark.parametrize("number", ["0", "4", "x"])
def test_unknown_example_is_refused(record: Callable[..., None], tmp_path: Path, number: str) -> None:
    """The message has the option, the value and the number of questions; nothing is written."""
    with pytest.raises(
        InputError, match=rf"--good-example detailed {PAPER} {number}: the evaluation asked 3 questions"
    ):
        record(tmp_path, "--good-example", "detailed", PAPER, number)
    assert list(tmp_path.iterdir()) == []


def test_scores_without_a_shown_system_are_refused(record: Callable[..., None], runs: Path, tmp_path: Path) -> None:
    """The message names the file, the system and the remedy; nothing is written."""
    shutil.copytree(runs, tmp_path / "runs")
    path = tmp_path / "runs/eval/scores.json"
    scores = json.loads(path.read_text())
    del scores["systems"]["lora"]["configs"]["plain"]
    path.write_text(json.dumps(scores))
    with pytest.raises(InputError, match=r"scores.json: has no scores of 'lora' on plain.*make reproduce"):
        record(tmp_path / "out", "--runs", str(tmp_path / "runs"))
    assert not (tmp_path / "out").exists()


def test_pages_show_the_record(record: Callable[..., None], tmp_path: Path) -> None:
    """Every part of the pages can be written from a recorded run."""
    record(tmp_path)
    results = Results(tmp_path)
    for name in PARTS:
        assert len(update(f"<!-- results: {name} -->\n<!-- end of results -->\n", results).splitlines()) > 4
    assert [row.name for row in result_rows(results)][4:7] == ["baseline", "full", "lora"]
