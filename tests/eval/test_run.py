"""Test an evaluation from end to end on the tiny model, with the real encoder: scores, resuming, errors."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset

from dataset_builder.corpus.build import build
from dataset_builder.corpus.load import load_corpus_split
from dataset_builder.errors import InputError
from dataset_builder.models.folders import find_encoder, find_model
from eval.analysis.scores import Scores, read_scores
from eval.generation.answer_store import StoredAnswers
from eval.metrics.embedding import Encoder
from eval.prompting import Answer, Prompt
from eval.question_sample import sample_pairs, sample_questions
from eval.run import run
from eval.systems import System
from tests.conftest import contents
from tests.eval.questions import corpus_question


def evaluate(
    corpus: object,
    configs: list[str],
    models: dict[str, Path],
    encoders: list[Path],
    out: Path,
    **limits: Any,
) -> Scores:
    """Evaluate models by name with greedy decoding, and return the scores."""
    result = run(
        str(corpus),
        configs,
        [System(name, find_model(name, str(model))) for name, model in models.items()],
        [find_encoder("--encoders", str(encoder)) for encoder in encoders],
        out,
        **limits,
    )
    assert result is not None
    return result[0]


def stored_answers(out: Path, name: str) -> dict[str, str]:
    """Return the answers of a system that an evaluation keeps."""
    return StoredAnswers.model_validate_json((out / f"answers/{name}.json").read_text()).answers


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory, corpus: Path, tiny_base: Path, encoder: Path) -> Path:
    """Return the output folder of an uninterrupted evaluation of one model on 20 questions of each config."""
    out = tmp_path_factory.mktemp("evaluated") / "eval"
    evaluate(corpus, ["plain", "detailed"], {"tiny": tiny_base}, [encoder], out, questions=20, batch_size=8)
    return out


def test_scores_are_computed_from_the_predictions(evaluated: Path, encoder: Path) -> None:
    """The mean in scores.json is the mean of the similarities in the Parquet file, which equal the metric's."""
    import pyarrow.parquet as pq

    from eval.answer_similarity.answer_similarity import AnswerSimilarity

    scores = read_scores(evaluated / "scores.json")
    assert (scores.sampled_questions, scores.systems["tiny"].decoding) == (20, "greedy")
    assert scores.encoders == ["sentence-transformers/all-MiniLM-L6-v2"]
    for config in ("plain", "detailed"):
        rows = pq.read_table(evaluated / f"predictions/{config}.tiny.parquet").to_pylist()
        assert list(rows[0]) == [
            *("paper_id", "year", "question", "reference", "prediction", "cosine_similarity"),
            *("rouge_l", "token_f1", "number_match", "number_support", "length_ratio"),
        ]
        config_scores = scores.systems["tiny"].configs[config]
        assert config_scores.n == len(rows) == 20
        expected = AnswerSimilarity().compute(
            predictions=[row["prediction"] for row in rows],
            references=[row["reference"] for row in rows],
            encoder=str(encoder),
        )["cosine_similarity"]
        assert config_scores.metrics["cosine_similarity"].mean == pytest.approx(expected, abs=1e-6)
    assert "| tiny |" in (evaluated / "report.md").read_text()
    assert "<h1>" in (evaluated / "report.html").read_text()


def test_heuristics_are_not_systems(evaluated: Path) -> None:
    """They have scores of their own, marked by kind, and their own folder; the upper bound is above the baseline."""
    scores = read_scores(evaluated / "scores.json")
    assert list(scores.systems) == ["tiny"]
    kinds = {name: heuristic.kind for name, heuristic in scores.heuristics.items()}
    assert kinds == {
        **dict.fromkeys(
            ("question repeated", "first sentence", "nearest sentence to the question", "other answer of the year"),
            "heuristic baseline",
        ),
        **dict.fromkeys(("nearest sentence to the reference", "other teacher's answer"), "upper bound"),
    }
    assert {path.name.split(".")[1] for path in (evaluated / "predictions").iterdir()} == {"tiny"}
    assert (evaluated / "heuristics/plain.other-teachers-answer.parquet").is_file()
    for config in ("plain", "detailed"):
        means = {
            name: heuristic.configs[config].metrics["cosine_similarity"].mean
            for name, heuristic in scores.heuristics.items()
        }
        assert means["nearest sentence to the reference"] > means["nearest sentence to the question"]
        assert means["nearest sentence to the question"] > means["other answer of the year"]
        assert {(one.first, one.second) for one in scores.differences[config]} == {("tiny", name) for name in kinds}


def test_few_shot_and_closed_book_systems_are_asked_their_own_way(
    tmp_path: Path, sources: Path, tiny_base: Path, encoder: Path
) -> None:
    """The one paper for training is the example, and another prompt gives other answers.

    The random weights write until the limit of tokens. Only systems that see the abstract are compared.
    """
    build(sources / "papers", sources / "qa", ["t"], ["u"], sources / "corpus", "apache-2.0")
    model = find_model("tiny", str(tiny_base))
    systems = [System(form, model, Prompt(form)) for form in ("plain", "few-shot", "closed-book")]
    encoders = [find_encoder("--encoders", str(encoder))]
    result = run(str(sources / "corpus"), ["u"], systems, encoders, tmp_path / "eval")
    assert result is not None
    plain, few_shot, closed_book = result[0].systems.values()
    assert (plain.prompt, few_shot.prompt, closed_book.prompt) == ("plain", "few-shot", "closed-book")
    assert (plain.examples, few_shot.examples, closed_book.examples) == ([], ["10.1/train"], [])
    answers = [tuple(stored_answers(tmp_path / "eval", system.name).values()) for system in systems]
    assert len(set(answers)) == 3
    assert (plain.role, few_shot.role, closed_book.role) == ("baseline", "baseline", "closed-book")
    between = [pair for pair in result[0].differences["u"] if pair.second in result[0].systems]
    assert [(pair.first, pair.second) for pair in between] == [("plain", "few-shot")]
    assert plain.configs["u"].cut_answers == plain.configs["u"].n == 2


def test_second_encoder_is_a_further_metric(
    tmp_path: Path, corpus: Path, tiny_base: Path, packaged_models: Path, evaluated: Path
) -> None:
    """WordLlama as a second encoder; the first one gives the same scores as before."""
    import pyarrow.parquet as pq
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.util import pairwise_cos_sim

    encoder, second = packaged_models / "all-MiniLM-L6-v2", packaged_models / "wordllama"
    shutil.copytree(evaluated, tmp_path / "eval")
    scores = evaluate(corpus, ["plain"], {"tiny": tiny_base}, [encoder, second], tmp_path / "eval", questions=20)
    rows = pq.read_table(tmp_path / "eval/predictions/plain.tiny.parquet").to_pylist()
    model = SentenceTransformer(str(second))
    expected = pairwise_cos_sim(*(model.encode([row[key] for row in rows]) for key in ("prediction", "reference")))
    assert [row["cosine_similarity_2"] for row in rows] == pytest.approx(expected.tolist(), abs=1e-4)
    assert scores.encoders[1] == "dleemiller/word-llama-l2-supercat"
    metrics = scores.systems["tiny"].configs["plain"].metrics
    before = read_scores(evaluated / "scores.json").systems["tiny"].configs["plain"].metrics
    assert metrics["cosine_similarity"].mean == pytest.approx(before["cosine_similarity"].mean, abs=1e-5)


def test_broken_encoder_is_refused(tmp_path: Path, corpus: Path, tiny_base: Path, encoder: Path) -> None:
    """Broken weights, before any question is answered; and a layer that is missing, which would be random."""
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(encoder, tmp_path / "encoder")
    weights = load_file(folder / "model.safetensors")
    kept = {name: tensor for name, tensor in weights.items() if "layer.3.attention.self.key" not in name}
    save_file(kept, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(
        InputError, match=r"has no weights for encoder\.layer\.3\.attention\.self\.key\.bias and 1 more"
    ):
        Encoder(find_encoder("--encoders", str(folder)))
    (folder / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(InputError, match="cannot be loaded as a sentence encoder"):
        evaluate(corpus, ["plain"], {"m": tiny_base}, [folder], tmp_path / "eval", questions=2)
    assert list((tmp_path / "eval/answers").iterdir()) == []


def test_model_that_answers_nothing_is_refused_before_the_next_answers(
    tmp_path: Path, corpus: Path, tiny_base: Path, encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first of two models answers nothing; the second is not loaded."""
    loaded = []
    monkeypatch.setattr("eval.generation.collect.load_model", lambda folder, *_: (loaded.append(folder.name), None))
    monkeypatch.setattr("eval.generation.collect.answer_in_batches", lambda *_: iter([{0: Answer(""), 1: Answer("")}]))
    models = {"mute": tiny_base, "other": tiny_base}
    with pytest.raises(InputError, match="mute: every answer"):
        evaluate(corpus, ["plain"], models, [encoder], tmp_path, questions=2)
    assert loaded == ["mute"]


def test_questions_are_loaded_at_the_revision_in_the_scores(
    tmp_path: Path, corpus: Path, tiny_base: Path, encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A corpus on the Hub is loaded at the commit that was newest at the start; offline this commit is unknown."""
    given = ({"m": tiny_base}, [encoder], tmp_path / "eval")
    with pytest.raises(InputError, match=r"HF_HUB_OFFLINE is set.* there is no folder someone/corpus here"):
        evaluate("someone/corpus", ["plain"], *given)
    asked = []

    def load(dataset: str, config: str, split: str, revision: str | None) -> object:
        asked.append((dataset, revision))
        return load_corpus_split(str(corpus), config, split)

    monkeypatch.setattr("eval.run.load_corpus_split", load)
    monkeypatch.setattr("eval.run.corpus_revision", lambda dataset, wanted: f"commit of {wanted}")
    scores = evaluate("someone/corpus", ["plain"], *given, questions=2, revision="v1.0")
    assert asked == [("someone/corpus", "commit of v1.0")]
    assert scores.revision == "commit of v1.0"


def test_finished_answers_are_not_made_again(
    tmp_path: Path, evaluated: Path, corpus: Path, tiny_base: Path, encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second run loads no model and ends in the same files, also after a run with fewer questions.

    Another model with the same name, which has other weights, would be loaded.
    """

    def refuse(*_: object) -> None:
        raise AssertionError("the model was loaded")

    monkeypatch.setattr("eval.generation.collect.load_model", refuse)
    before = contents(evaluated)
    models = {"tiny": tiny_base}
    evaluate(corpus, ["plain", "detailed"], models, [encoder], evaluated, questions=20, batch_size=8)
    assert contents(evaluated) == before
    evaluate(corpus, ["plain"], models, [encoder], evaluated, questions=10)
    evaluate(corpus, ["plain", "detailed"], models, [encoder], evaluated, questions=20)
    assert contents(evaluated) == before
    changed = shutil.copytree(tiny_base, tmp_path / "model")
    config = changed / "config.json"
    config.write_text(config.read_text().replace("}", " }"))
    with pytest.raises(AssertionError, match="the model was loaded"):
        evaluate(corpus, ["plain"], {"tiny": changed}, [encoder], tmp_path / "eval", questions=2)


@pytest.mark.slow
def test_killed_evaluation_ends_in_the_same_files(
    tmp_path: Path, corpus: Path, tiny_base: Path, encoder: Path, evaluated: Path, stage: Callable, killed: Callable
) -> None:
    """Killed after a batch, before the answers are merged, before the predictions, and before the reports."""
    command = ("eval", "run", "--dataset", corpus, "--configs", "plain", "detailed", "--models", f"tiny={tiny_base}")
    command += ("--encoders", encoder, "--out", tmp_path, "--questions", "20", "--batch-size", "8")
    killed("eval.generation.answer_store.AnswerStore.append", 2, *command)
    (journal,) = (tmp_path / "answers").glob(".partial.tiny.*.jsonl")
    kept = [len(json.loads(line)) for line in journal.read_text().splitlines()]
    assert len(kept) == 1 and 0 < kept[0] <= 8
    killed("os.replace", 1, *command)
    killed("os.replace", 3, *command)
    killed("os.replace", 13, *command)
    done = stage(*command)
    assert done.returncode == 0, done.stderr
    assert contents(tmp_path) == contents(evaluated)


@pytest.mark.slow
def test_two_processes_give_the_same_answers_and_scores(
    tmp_path: Path, corpus: Path, tiny_base: Path, encoder: Path, evaluated: Path, stage: Callable
) -> None:
    """`accelerate launch` with two CPU processes and another batch size; each of the two answers some questions."""
    command = ["accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"]
    command += ["-m", "tests.eval.two_processes", "run", "--dataset", corpus, "--configs", "plain", "detailed"]
    command += ["--models", f"tiny={tiny_base}", "--encoders", encoder, "--out", tmp_path, "--questions", "20"]
    done = stage(*command)
    assert done.returncode == 0, done.stderr
    counts = [re.search(rf"process {number} of 2 answered (\d+)", done.stderr) for number in (0, 1)]
    answers = [int(count.group(1)) for count in counts]
    assert min(answers) > 0
    assert sum(answers) == len(stored_answers(evaluated, "tiny"))
    assert stored_answers(tmp_path, "tiny") == stored_answers(evaluated, "tiny")
    both = [read_scores(folder / "scores.json").systems["tiny"].configs for folder in (tmp_path, evaluated)]
    for config in ("plain", "detailed"):
        means = [configs[config].metrics["cosine_similarity"].mean for configs in both]
        assert means[0] == pytest.approx(means[1], abs=2e-6)


def test_sample_of_questions_is_fixed_and_nested() -> None:
    """Ten of a hundred are part of twenty, in the order of the questions, which does not change the choice."""
    questions = [corpus_question(paper_id=str(number)) for number in range(100)]
    ten, twenty = sample_questions(questions, 10), sample_questions(questions, 20)
    assert len(ten) == 10 and len(twenty) == 20
    assert [question for question in twenty if question in ten] == ten
    assert sorted(sample_questions(questions[::-1], 10), key=questions.index) == ten
    assert sample_questions(questions, 1000) == questions
    pairs = sample_pairs(Dataset.from_list([vars(question) for question in questions]), 10)
    assert [questions[number] for number in pairs] == ten


def test_bad_input_exits_2_with_one_message(stage: Callable, tmp_path: Path, corpus: Path, tiny_base: Path) -> None:
    """Two models with one name, a config given twice, a folder without a model, and a number that is too small."""
    command = ("eval", "run", "--dataset", corpus, "--out", tmp_path / "out", "--encoders", tmp_path)
    command += ("--models", f"m={tmp_path}", "--configs")
    twice = stage(*command, "plain", "plain")
    assert twice.returncode == 2
    assert twice.stderr == "error: --configs plain plain: a config is given twice; give each config once\n"
    nameless = stage(*command, "plain", "--dataset", "")
    assert nameless.returncode == 2
    assert nameless.stderr == "error: --dataset: is empty; give the folder of a corpus, or a Hub id\n"
    none = stage(*command, "plain", "--questions", "0")
    assert (none.returncode, none.stderr) == (2, "error: --questions 0: must be 1 or more\n")
    done = stage(*command, "plain")
    assert done.returncode == 2
    assert done.stderr == (
        f"error: --encoders {tmp_path}: not the folder of an encoder (it needs modules.json or config.json, and "
        "*.safetensors); give a sentence-transformers model, as folder or Hub id\n"
    )


def test_dataset_without_a_column_or_config_is_refused(
    tmp_path: Path, corpus: Path, tiny_base: Path, encoder: Path
) -> None:
    """A corpus without the column `answer`, and a config that does not exist."""
    import pyarrow.parquet as pq

    with pytest.raises(InputError, match="dataset '/nope/corpus': no such folder"):
        evaluate("/nope/corpus", ["plain"], {"m": tiny_base}, [encoder], tmp_path / "eval")
    with pytest.raises(InputError, match="config 'none'"):
        evaluate(corpus, ["none"], {"m": tiny_base}, [encoder], tmp_path / "eval")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/README.md").write_text("No metadata.")
    table = pq.read_table(corpus / "plain/test-00000-of-00001.parquet").drop_columns(["answer"])
    pq.write_table(table, tmp_path / "broken/test.parquet")
    with pytest.raises(InputError, match="has no column 'answer'"):
        evaluate(tmp_path / "broken", ["default"], {"m": tiny_base}, [encoder], tmp_path / "eval")
