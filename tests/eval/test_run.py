"""An evaluation from end to end on the tiny model, with the real encoder: scores, resuming, errors."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dataset_builder.corpus.load import load_corpus_split
from dataset_builder.errors import InputError
from dataset_builder.files import exclusive_lock
from eval.question_sample import sample_questions
from eval.report.tables import as_markdown, comparison
from eval.run import run
from tests.conftest import REPOSITORY, contents


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory, corpus: Path, tiny_base: Path, encoder: Path) -> Path:
    """Return the output folder of an unbroken evaluation of one model on 20 questions of each config."""
    out = tmp_path_factory.mktemp("evaluated") / "eval"
    run(str(corpus), ["plain", "detailed"], {"tiny": str(tiny_base)}, [str(encoder)], out, questions=20, batch_size=8)
    return out


def test_predictions_hold_what_the_scores_are_made_of(evaluated: Path, encoder: Path) -> None:
    """The mean in scores.json is that of the similarities in the Parquet file, and those are the metric's."""
    import pyarrow.parquet as pq

    from eval.answer_similarity.answer_similarity import AnswerSimilarity

    scores = json.loads((evaluated / "scores.json").read_text())
    assert scores["encoders"] == ["sentence-transformers/all-MiniLM-L6-v2"]
    for config in ("plain", "detailed"):
        rows = pq.read_table(evaluated / f"predictions/{config}.tiny.parquet").to_pylist()
        assert list(rows[0]) == [
            *("paper_id", "year", "question", "reference", "prediction", "cosine_similarity"),
            *("rouge_l", "token_f1", "number_match", "length_ratio"),
        ]
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
    assert "<h1>" in (evaluated / "report.html").read_text()


def test_floors_and_ceilings_are_no_models(evaluated: Path) -> None:
    """They have scores of their own, marked as what they are, and no predictions; the nearest sentence is above."""
    scores = json.loads((evaluated / "scores.json").read_text())
    assert list(scores["models"]) == list(scores["model_folders"]) == ["tiny"]
    kinds = {name: of["kind"] for name, of in scores["heuristics"].items()}
    assert kinds == {
        **dict.fromkeys(
            ("question repeated", "first sentence", "nearest sentence to the question", "other answer of the year"),
            "floor",
        ),
        **dict.fromkeys(("nearest sentence to the reference", "other teacher's answer"), "ceiling"),
    }
    assert {path.name.split(".")[1] for path in (evaluated / "predictions").iterdir()} == {"tiny"}
    for config in ("plain", "detailed"):
        means = {name: of["configs"][config]["cosine_similarity"]["mean"] for name, of in scores["heuristics"].items()}
        assert means["nearest sentence to the reference"] > means["nearest sentence to the question"]
        assert means["nearest sentence to the question"] > means["other answer of the year"]
        assert {(of["first"], of["second"]) for of in scores["differences"][config]} == {
            ("tiny", name) for name in kinds
        }


def test_further_encoder_and_cross_encoder_are_measures_of_their_own(
    tmp_path: Path, corpus: Path, tiny_base: Path, encoder: Path, evaluated: Path
) -> None:
    """The tiny model as a second encoder (its mean token), and a BERT of random weights as a cross-encoder."""
    import pyarrow.parquet as pq
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.util import pairwise_cos_sim
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    config = BertConfig(
        vocab_size=800, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64, num_labels=1
    )
    BertForSequenceClassification(config).save_pretrained(tmp_path / "cross")
    tokenizer = AutoTokenizer.from_pretrained(tiny_base)
    tokenizer.pad_token = tokenizer.eos_token
    tokenizer.save_pretrained(tmp_path / "cross")
    second = shutil.copytree(tiny_base, tmp_path / "second")
    tokenizer.save_pretrained(second)
    shutil.copytree(evaluated, tmp_path / "eval")
    scores, _ = run(
        str(corpus),
        ["plain"],
        {"tiny": str(tiny_base)},
        [str(encoder), str(second)],
        tmp_path / "eval",
        questions=20,
        cross_encoder=str(tmp_path / "cross"),
    )
    rows = pq.read_table(tmp_path / "eval/predictions/plain.tiny.parquet").to_pylist()
    model = SentenceTransformer(str(second))
    expected = pairwise_cos_sim(*(model.encode([row[key] for row in rows]) for key in ("prediction", "reference")))
    assert [row["cosine_similarity_2"] for row in rows] == pytest.approx(expected.tolist(), abs=1e-4)
    assert scores["encoders"][1] == str(second)
    entry = scores["models"]["tiny"]["plain"]
    assert {"cosine_similarity", "cosine_similarity_2", "cross_encoder"} < set(entry)
    before = json.loads((evaluated / "scores.json").read_text())["models"]["tiny"]["plain"]
    assert entry["cosine_similarity"]["mean"] == pytest.approx(before["cosine_similarity"]["mean"], abs=1e-5)


def test_encoder_that_cannot_be_loaded_is_named(tmp_path: Path, corpus: Path, tiny_base: Path, encoder: Path) -> None:
    """A folder with weights that are none, as encoder and as cross-encoder, before any question is answered."""
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "config.json").write_text("{}")
    (broken / "model.safetensors").write_bytes(b"nothing")
    models = {"m": str(tiny_base)}
    with pytest.raises(InputError, match="cannot be loaded as a sentence encoder"):
        run(str(corpus), ["plain"], models, [str(broken)], tmp_path / "eval", questions=2)
    with pytest.raises(InputError, match="cannot be loaded as a cross-encoder"):
        run(str(corpus), ["plain"], models, [str(encoder)], tmp_path / "eval", questions=2, cross_encoder=str(broken))
    assert not (tmp_path / "eval/answers/m.jsonl").exists()


def test_model_that_answers_nothing_is_refused(
    tmp_path: Path, corpus: Path, tiny_base: Path, encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every answer empty is no score; an answer among them is one."""
    monkeypatch.setattr("eval.generation.collect.load_model", lambda *_: (None, None))
    for texts, refused in ((["", ""], True), (["", "An answer."], False)):
        monkeypatch.setattr(
            "eval.generation.collect.answer_in_batches", lambda *_, texts=texts: iter([dict(enumerate(texts))])
        )
        arguments = (str(corpus), ["plain"], {"m": str(tiny_base)}, [str(encoder)], tmp_path / str(refused))
        if refused:
            with pytest.raises(InputError, match="m: every answer to the questions of 'plain' is empty"):
                run(*arguments, questions=2)
        else:
            scores, _ = run(*arguments, questions=2)
            assert scores["models"]["m"]["plain"]["n"] == 2


def test_model_that_answers_nothing_is_refused_before_the_next_answers(
    tmp_path: Path, corpus: Path, tiny_base: Path, encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first of two models says nothing; the second is not loaded."""
    loaded = []
    monkeypatch.setattr("eval.generation.collect.load_model", lambda folder, *_: (loaded.append(folder.name), None))
    monkeypatch.setattr("eval.generation.collect.answer_in_batches", lambda *_: iter([{0: "", 1: ""}]))
    models = {"mute": str(tiny_base), "other": str(tiny_base)}
    with pytest.raises(InputError, match="mute: every answer"):
        run(str(corpus), ["plain"], models, [str(encoder)], tmp_path, questions=2)
    assert loaded == ["mute"]


def test_two_runs_into_one_folder_are_refused(tmp_path: Path, corpus: Path, tiny_base: Path, encoder: Path) -> None:
    """They would take each other's half-written answers for a kill's."""
    with exclusive_lock(tmp_path), pytest.raises(InputError, match="another command is writing into it"):
        run(str(corpus), ["plain"], {"m": str(tiny_base)}, [str(encoder)], tmp_path, questions=2)
    assert list((tmp_path / "answers").iterdir()) == []


def test_rows_are_those_of_the_revision_in_the_scores(
    tmp_path: Path, corpus: Path, tiny_base: Path, encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A corpus on the Hub is loaded at the commit that was newest at the start; offline the Hub does not tell it."""
    given = ({"m": str(tiny_base)}, [str(encoder)], tmp_path / "eval")
    with pytest.raises(InputError, match=r"HF_HUB_OFFLINE is set.* there is no folder someone/corpus here"):
        run("someone/corpus", ["plain"], *given)
    asked = []

    def load(dataset: str, config: str, split: str, revision: str | None) -> object:
        asked.append((dataset, revision))
        return load_corpus_split(str(corpus), config, split)

    monkeypatch.setattr("eval.run.load_corpus_split", load)
    monkeypatch.setattr("eval.run.corpus_revision", lambda dataset: "abc")
    scores, _ = run("someone/corpus", ["plain"], *given, questions=2)
    assert asked == [("someone/corpus", "abc")]
    assert scores["revision"] == "abc"


def test_predictions_of_a_model_that_is_left_out_are_removed(
    tmp_path: Path, corpus: Path, tiny_base: Path, encoder: Path
) -> None:
    """Its answers stay, and give the predictions again when it is back."""
    given = (str(corpus), ["plain"])
    run(*given, {"one": str(tiny_base), "two": str(tiny_base)}, [str(encoder)], tmp_path, questions=2)
    run(*given, {"two": str(tiny_base)}, [str(encoder)], tmp_path, questions=2)
    assert [path.name for path in (tmp_path / "predictions").iterdir()] == ["plain.two.parquet"]
    assert (tmp_path / "answers/one.jsonl").is_file()


def test_finished_answers_are_not_made_again(
    evaluated: Path, corpus: Path, tiny_base: Path, encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second run loads no model and ends in the same files, with fewer questions in between as well."""

    def refuse(*_: object) -> None:
        raise AssertionError("the model was loaded")

    monkeypatch.setattr("eval.generation.collect.load_model", refuse)
    before = contents(evaluated)
    models = {"tiny": str(tiny_base)}
    run(str(corpus), ["plain", "detailed"], models, [str(encoder)], evaluated, questions=20, batch_size=8)
    assert contents(evaluated) == before
    run(str(corpus), ["plain"], models, [str(encoder)], evaluated, questions=10)
    run(str(corpus), ["plain", "detailed"], models, [str(encoder)], evaluated, questions=20)
    assert contents(evaluated) == before


def test_another_model_under_the_same_name_is_answered_anew(
    tmp_path: Path, corpus: Path, tiny_base: Path, encoder: Path
) -> None:
    """The folder's weights change between two runs; its old answers must not be taken for the new."""
    folder = shutil.copytree(tiny_base, tmp_path / "model")
    run(str(corpus), ["plain"], {"m": str(folder)}, [str(encoder)], tmp_path / "eval", questions=4)
    first = contents(tmp_path / "eval/predictions")
    from transformers import GPT2LMHeadModel

    model = GPT2LMHeadModel.from_pretrained(folder)
    model.transformer.wte.weight.data.mul_(-1)
    model.save_pretrained(folder)
    run(str(corpus), ["plain"], {"m": str(folder)}, [str(encoder)], tmp_path / "eval", questions=4)
    assert contents(tmp_path / "eval/predictions") != first


@pytest.mark.slow
def test_killed_evaluation_ends_in_the_same_files(
    tmp_path: Path, corpus: Path, tiny_base: Path, encoder: Path, evaluated: Path, stage: Callable, killed: Callable
) -> None:
    """Killed after a batch, before predictions are renamed, in the middle of the figures, before scores.json."""
    command = ("eval", "run", "--dataset", corpus, "--configs", "plain,detailed", "--models", f"tiny={tiny_base}")
    command += ("--encoder", encoder, "--out", tmp_path, "--questions", "20", "--batch-size", "8")
    killed("eval.generation.answer_store.AnswerStore.append", 2, *command)
    kept = (tmp_path / "answers/.partial.tiny.0.jsonl").read_text().count("\n")
    assert 0 < kept <= 8
    killed("os.replace", 1, *command)
    killed("os.replace", 3, *command)
    killed("os.replace", 12, *command)
    done = stage(*command)
    assert done.returncode == 0, done.stderr
    assert contents(tmp_path) == contents(evaluated)


@pytest.mark.slow
def test_two_processes_give_the_same_answers_and_scores(
    tmp_path: Path, corpus: Path, tiny_base: Path, encoder: Path, evaluated: Path
) -> None:
    """`accelerate launch` with two CPU processes, another batch size; there were two, and each answered some."""
    command = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"]
    command += ["-m", "tests.eval.two_processes", "run", "--dataset", corpus, "--configs", "plain,detailed"]
    command += ["--models", f"tiny={tiny_base}", "--encoder", encoder, "--out", tmp_path, "--questions", "20"]
    done = subprocess.run([str(word) for word in command], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    counts = [re.search(rf"process {number} of 2 answered (\d+)", done.stderr) for number in (0, 1)]
    answers = [int(count.group(1)) for count in counts]
    assert min(answers) > 0
    assert sum(answers) == len((evaluated / "answers/tiny.jsonl").read_text().splitlines()) - 1
    assert (tmp_path / "answers/tiny.jsonl").read_bytes() == (evaluated / "answers/tiny.jsonl").read_bytes()
    ours, theirs = (json.loads((folder / "scores.json").read_text())["models"] for folder in (tmp_path, evaluated))
    for config in ("plain", "detailed"):
        means = [of["tiny"][config]["cosine_similarity"]["mean"] for of in (ours, theirs)]
        assert means[0] == pytest.approx(means[1], abs=2e-6)


def test_sample_of_questions_is_fixed_and_nested() -> None:
    """Ten of a hundred lie within twenty of them, in the rows' order, whatever the order of the rows."""
    rows = [{"paper_id": str(number), "question": "Q?"} for number in range(100)]
    ten, twenty = sample_questions(rows, 10), sample_questions(rows, 20)
    assert len(ten) == 10 and len(twenty) == 20
    assert [row for row in twenty if row in ten] == ten
    assert sorted(sample_questions(rows[::-1], 10), key=rows.index) == ten
    assert sample_questions(rows, 1000) == rows


def test_comparison_by_hand() -> None:
    """A floor, a model that was not trained, one that was, and a ceiling; an interval where there is one."""
    of = {"mean": 0.6162, "low": 0.6, "high": 0.63}
    scores = {
        "models": {
            "baseline": {"plain": {"cosine_similarity": {"mean": 0.5}}},
            "full": {"plain": {"cosine_similarity": of}},
        },
        "heuristics": {
            "sentence": {"kind": "ceiling", "configs": {"plain": {"cosine_similarity": {"mean": 0.8}}}},
            "question": {"kind": "floor", "configs": {"plain": {"cosine_similarity": {"mean": 0.4}}}},
        },
    }
    metrics = {"full": {"train_seconds": 61.4, "trainable_parameters": 1234, "peak_memory_bytes": 3 * 2**29}}
    assert as_markdown(*comparison(scores, metrics)).splitlines()[2:] == [
        "| floor: question | 0.400 |  |  |  |",
        "| baseline | 0.500 | none | none | none |",
        "| full | 0.616 (0.600 to 0.630) | 61 s | 1,234 | 1.5 GiB |",
        "| ceiling: sentence | 0.800 |  |  |  |",
    ]


def test_bad_input_exits_2_with_one_message(stage: Callable, tmp_path: Path, corpus: Path, tiny_base: Path) -> None:
    """A model folder that is none, by the command; two models under one name; an empty config, and one given twice."""
    command = ("eval", "run", "--dataset", corpus, "--configs", "plain", "--out", tmp_path / "out", "--models")
    twice = stage(*command, f"m={tiny_base}", f"m={tmp_path}")
    assert twice.returncode == 2
    assert twice.stderr.startswith("error: --models") and "the name 'm' is given twice" in twice.stderr
    for configs in ("plain,", "plain,plain"):
        named = stage(*command[:5], configs, *command[6:], f"m={tiny_base}")
        assert named.returncode == 2
        assert named.stderr == f"error: --configs {configs}: must name each config once (plain,detailed)\n"
    done = stage(*command, f"m={tmp_path}")
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
        run(str(corpus), ["plain"], {"m": str(tiny_base)}, [str(encoder)], tmp_path / "file/eval")


def test_dataset_without_a_column_or_config_is_refused(
    tmp_path: Path, corpus: Path, tiny_base: Path, encoder: Path
) -> None:
    """A corpus whose `answer` column is gone, and a config that is not there."""
    import pyarrow.parquet as pq

    with pytest.raises(InputError, match="config 'none'"):
        run(str(corpus), ["none"], {"m": str(tiny_base)}, [str(encoder)], tmp_path / "eval")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/README.md").write_text("No metadata.")
    table = pq.read_table(corpus / "plain/test-00000-of-00001.parquet").drop_columns(["answer"])
    pq.write_table(table, tmp_path / "broken/test.parquet")
    with pytest.raises(InputError, match="has no column 'answer'"):
        run(str(tmp_path / "broken"), ["default"], {"m": str(tiny_base)}, [str(encoder)], tmp_path / "eval")
