"""An evaluation from end to end on the tiny model, with the real encoder: scores, resuming, errors."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dataset_builder.errors import InputError
from eval.comparison import as_markdown, comparison
from eval.run import run, sample
from eval.scoring import score
from tests.conftest import contents


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory, corpus: Path, tiny_base: Path, encoder: Path) -> Path:
    """Return the output folder of an unbroken evaluation of one model on 20 questions of each config."""
    out = tmp_path_factory.mktemp("evaluated") / "eval"
    run(str(corpus), ["plain", "detailed"], {"tiny": str(tiny_base)}, str(encoder), out, questions=20, batch_size=8)
    return out


def test_score_by_hand() -> None:
    """Mean of 0.2, 0.4 and 0.9 is 0.5; by year 0.3 and 0.9; three questions on two papers."""
    rows = [{"paper_id": "a", "year": 2022}, {"paper_id": "a", "year": 2022}, {"paper_id": "b", "year": 2023}]
    assert score(rows, [0.2, 0.4, 0.9]) == {
        "n": 3,
        "papers": 2,
        "cosine_similarity": {
            "mean": 0.5,
            "by_year": {"2022": {"n": 2, "mean": 0.3}, "2023": {"n": 1, "mean": 0.9}},
        },
    }


def test_predictions_hold_what_the_scores_are_made_of(evaluated: Path, encoder: Path) -> None:
    """The mean in scores.json is that of the similarities in the Parquet file, and those are the metric's."""
    import pyarrow.parquet as pq

    from eval.answer_similarity.answer_similarity import AnswerSimilarity

    scores = json.loads((evaluated / "scores.json").read_text())
    assert scores["encoders"] == ["sentence-transformers/all-MiniLM-L6-v2"]
    for config in ("plain", "detailed"):
        rows = pq.read_table(evaluated / f"predictions/{config}.tiny.parquet").to_pylist()
        assert set(rows[0]) == {"paper_id", "year", "question", "reference", "prediction", "cosine_similarity"}
        entry = scores["models"]["tiny"][config]
        assert entry["n"] == len(rows) == 20
        expected = AnswerSimilarity().compute(
            predictions=[row["prediction"] for row in rows],
            references=[row["reference"] for row in rows],
            encoder=str(encoder),
        )["cosine_similarity"]
        assert entry["cosine_similarity"]["mean"] == pytest.approx(expected, abs=1e-6)


def test_figures_and_report_are_there(evaluated: Path) -> None:
    """Each figure as PNG and SVG; without a trained model there is no loss to draw."""
    figures = {path.name for path in (evaluated / "figures").iterdir()}
    assert figures == {
        f"{name}.{kind}" for name in ("papers_by_year", "similarity_by_year") for kind in ("png", "svg")
    }
    assert (evaluated / "figures/similarity_by_year.png").read_bytes().startswith(b"\x89PNG")
    assert "| tiny |" in (evaluated / "report.md").read_text()


def test_finished_answers_are_not_made_again(
    evaluated: Path, corpus: Path, tiny_base: Path, encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second run loads no model and ends in the same files."""

    def refuse(*_: object) -> None:
        raise AssertionError("the model was loaded")

    monkeypatch.setattr("eval.run.load_model", refuse)
    before = contents(evaluated)
    models = {"tiny": str(tiny_base)}
    run(str(corpus), ["plain", "detailed"], models, str(encoder), evaluated, questions=20, batch_size=8)
    assert contents(evaluated) == before


def test_another_model_under_the_same_name_is_answered_anew(
    tmp_path: Path, corpus: Path, tiny_base: Path, encoder: Path
) -> None:
    """The folder's weights change between two runs; its old answers must not be taken for the new."""
    folder = shutil.copytree(tiny_base, tmp_path / "model")
    run(str(corpus), ["plain"], {"m": str(folder)}, str(encoder), tmp_path / "eval", questions=4)
    first = contents(tmp_path / "eval/predictions")
    from transformers import GPT2LMHeadModel

    model = GPT2LMHeadModel.from_pretrained(folder)
    model.transformer.wte.weight.data.mul_(-1)
    model.save_pretrained(folder)
    run(str(corpus), ["plain"], {"m": str(folder)}, str(encoder), tmp_path / "eval", questions=4)
    assert contents(tmp_path / "eval/predictions") != first


@pytest.mark.slow
def test_killed_evaluation_ends_in_the_same_files(
    tmp_path: Path, corpus: Path, tiny_base: Path, encoder: Path, evaluated: Path, stage: Callable, killed: Callable
) -> None:
    """Killed after a batch, before predictions are renamed, in the middle of the figures, before scores.json."""
    command = ("eval", "run", "--dataset", corpus, "--configs", "plain,detailed", "--models", f"tiny={tiny_base}")
    command += ("--encoder", encoder, "--out", tmp_path, "--questions", "20", "--batch-size", "8")
    killed("eval.answering.AnswerJournal.append", 2, *command)
    assert (tmp_path / "predictions/.partial.plain.tiny.jsonl").read_text().count("\n") == 2
    killed("os.replace", 1, *command)
    killed("os.replace", 4, *command)
    killed("os.replace", 6, *command)
    done = stage(*command)
    assert done.returncode == 0, done.stderr
    assert contents(tmp_path) == contents(evaluated)


def test_sample_of_questions_is_fixed_and_nested() -> None:
    """Ten of a hundred lie within twenty of them, in the rows' order, whatever the order of the rows."""
    rows = [{"paper_id": str(number), "question": "Q?"} for number in range(100)]
    ten, twenty = sample(rows, 10), sample(rows, 20)
    assert len(ten) == 10 and len(twenty) == 20
    assert [row for row in twenty if row in ten] == ten
    assert sorted(sample(rows[::-1], 10), key=rows.index) == ten
    assert sample(rows, 1000) == rows


def test_comparison_by_hand() -> None:
    """A model that was trained and one that was not."""
    scores = {"models": {name: {"plain": {"cosine_similarity": {"mean": 0.6162}}} for name in ("baseline", "full")}}
    metrics = {"full": {"train_seconds": 61.4, "trainable_parameters": 1234, "peak_memory_bytes": 3 * 2**29}}
    assert as_markdown(*comparison(scores, metrics)).splitlines()[2:] == [
        "| baseline | 0.616 | none | none | none |",
        "| full | 0.616 | 61 s | 1,234 | 1.5 GiB |",
    ]


def test_bad_input_exits_2_with_one_message(stage: Callable, tmp_path: Path, corpus: Path, tiny_base: Path) -> None:
    """A model folder that is none, by the command."""
    done = stage(
        *("eval", "run", "--dataset", corpus, "--configs", "plain", "--models", f"m={tmp_path}"),
        *("--out", tmp_path / "out"),
    )
    assert done.returncode == 2
    assert done.stderr == (
        f"error: m={tmp_path}: is no model folder (neither config.json nor adapter_config.json); "
        "give a run's folder, a model's or a Hub id\n"
    )


def test_output_folder_that_cannot_be_written_is_named(
    tmp_path: Path, corpus: Path, tiny_base: Path, encoder: Path
) -> None:
    """A file stands where a folder is wanted, which stops root as well."""
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written to"):
        run(str(corpus), ["plain"], {"m": str(tiny_base)}, str(encoder), tmp_path / "file/eval")


def test_dataset_without_a_column_or_config_is_refused(
    tmp_path: Path, corpus: Path, tiny_base: Path, encoder: Path
) -> None:
    """A corpus whose `answer` column is gone, and a config that is not there."""
    import pyarrow.parquet as pq

    with pytest.raises(InputError, match="config 'none'"):
        run(str(corpus), ["none"], {"m": str(tiny_base)}, str(encoder), tmp_path / "eval")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/README.md").write_text("No metadata.")
    table = pq.read_table(corpus / "plain/test-00000-of-00001.parquet").drop_columns(["answer"])
    pq.write_table(table, tmp_path / "broken/test.parquet")
    with pytest.raises(InputError, match="has no column 'answer'"):
        run(str(tmp_path / "broken"), ["default"], {"m": str(tiny_base)}, str(encoder), tmp_path / "eval")
