"""Training a verifier on the tiny base: rows and labels, run folder, report, kills, left-out kinds, errors."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from dataset_builder.corpus.load import load_corpus_split
from dataset_builder.corpus.questions import CorpusQuestion, read_questions
from dataset_builder.errors import InputError
from dataset_builder.models.folders import EncoderFolder
from dataset_builder.prompt import INSTRUCTION
from dataset_builder.token_rows.row import NO_LOSS
from dataset_builder.verification.errors.by_kind import RULES
from dataset_builder.verification.example import Example
from dataset_builder.verification.reader import AnswerReader
from dataset_builder.verification.report import read_verifier_report
from dataset_builder.verifier_examples.written import WrittenAnswer
from eval.run_metrics import read_run_metrics
from tests.conftest import REPOSITORY, contents
from tests.corpus_slice import CORPUS_SLICE
from training.verification.model import load_base
from training.verification.rows import SUPPORTED, UNSUPPORTED, read_written, split_examples, verification_rows
from training.verification.trainer import VerifierTrainer

APART = ("metrics.json", "environment.json", "README.md", "recipe.yaml")
WRITTEN = CORPUS_SLICE / "faithfulness"
ABSTRACT = "Zebra turns off idle ways of large caches and saves 40% of their power on average."


def _command(tiny_encoder: Path, corpus: Path, encoder: Path, out: Path, *more: object) -> tuple[object, ...]:
    return (
        *("training.verifier", "--config", REPOSITORY / "tests/recipes/tiny-verifier.yaml"),
        *("--model_name_or_path", tiny_encoder, "--dataset", corpus, "--encoder", encoder, "--output_dir", out),
        *("--written_answers", WRITTEN, "--bf16", "false", *more),
    )


def test_labels_say_where_the_error_begins(tiny_encoder: Path) -> None:
    """The first label is the verdict; there is none behind an error, and in a written answer no other at all."""
    from transformers import AutoTokenizer

    item = ("10.1/a", ABSTRACT, "What does it save?")
    right, wrong = "It saves 40% of the power.", "It saves 4% of the power."
    examples = [
        Example(*item, right, None, len(right)),
        Example(*item, wrong, "number-changed", 9),
        Example(*item, "Time.", "unsupported"),
        Example(*item, "A perceptron.", "other-paper", 0),
    ]
    reader = AnswerReader(AutoTokenizer.from_pretrained(tiny_encoder), 192, 3)
    rows = verification_rows(examples, reader).to_list()

    def labelled(number: int, label: int) -> str:
        answer, labels = examples[number].answer, rows[number]["labels"]
        places = reader.read(*item[1:], answer).places
        return "".join(answer[start:end] for column, (start, end) in places.items() if labels[column] == label)

    assert [row["labels"][0] for row in rows] == [SUPPORTED, *[UNSUPPORTED] * 3]
    assert (labelled(0, SUPPORTED), labelled(0, UNSUPPORTED)) == ("Itsaves40%ofthepower.", "")
    assert (labelled(1, SUPPORTED), labelled(1, UNSUPPORTED)) == ("Itsaves", "4")
    assert all(label == NO_LOSS for row in rows[2:] for label in row["labels"][1:])


def test_encoder_in_half_precision_is_trained_in_float32(tiny_encoder: Path, tmp_path: Path) -> None:
    """The files of an encoder may have any precision; `dtype` is no key of the recipe."""
    from transformers import AutoModel

    shutil.copytree(tiny_encoder, tmp_path / "half")
    AutoModel.from_pretrained(tiny_encoder, dtype="bfloat16").save_pretrained(tmp_path / "half")
    model = load_base(EncoderFolder("half", tmp_path / "half"), seed=0)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def test_split_has_the_written_answers_on_its_papers(corpus: Path) -> None:
    """Each answer is in the split of its paper; the kinds that are left out are neither made nor taken."""
    written = read_written(str(WRITTEN))
    papers = {}
    for name in ("train", "validation", "test"):
        questions = read_questions(load_corpus_split(str(corpus), None, name))
        examples = split_examples(questions, written, 0, 2)
        papers[name] = {example.paper_id for example in examples.written}
        assert papers[name] <= {question.paper_id for question in questions}
        if name == "train":
            fewer = split_examples(questions, written, 0, 2, ["cause"])
            assert any(example.error == "cause" for example in examples.written)
            assert not any(example.error == "cause" for example in fewer.all)
    assert papers["train"] | papers["validation"] == {answer.paper_id for answer in written}
    assert not papers["test"]


def test_split_without_wrong_answers_is_refused() -> None:
    """An answer from which no rule makes a wrong one."""
    question = CorpusQuestion(INSTRUCTION, "Yes.", "Why?", "Yes.", "10.1/a", 2020)
    with pytest.raises(InputError, match="make no wrong answer from the 1 pairs of a split, on 1 papers"):
        split_examples([question], [], 0, 2)


@pytest.fixture(scope="module")
def verifier_run(tmp_path_factory: pytest.TempPathFactory, tiny_encoder: Path, corpus: Path, encoder: Path) -> Path:
    """Return the folder of an unbroken run."""
    from training.verifier import main

    out = tmp_path_factory.mktemp("verifier") / "run"
    main(list(map(str, _command(tiny_encoder, corpus, encoder, out)[1:])))
    return out


def test_loss_is_that_of_the_verdict_and_of_the_places() -> None:
    """By hand: the first token has the verdict; an error begins at the last one, which weighs five times."""
    probabilities = torch.tensor([[[0.8, 0.2], [0.9, 0.1], [0.75, 0.25]]])
    labels = torch.tensor([[SUPPORTED, SUPPORTED, UNSUPPORTED]])
    loss = VerifierTrainer.compute_loss(
        None, lambda **_: SimpleNamespace(logits=probabilities.log()), {"labels": labels}
    )
    assert loss.item() == pytest.approx(-math.log(0.8) - (math.log(0.9) + 5 * math.log(0.25)) / 6)
    unlabelled = torch.tensor([[UNSUPPORTED, NO_LOSS, NO_LOSS]])
    loss = VerifierTrainer.compute_loss(
        None, lambda **_: SimpleNamespace(logits=probabilities.log()), {"labels": unlabelled}
    )
    assert loss.item() == pytest.approx(-math.log(0.2))


@pytest.mark.slow
def test_run_folder_has_model_metrics_and_report(verifier_run: Path) -> None:
    """The files of any run, and figures for every kind of error on the test papers."""
    names = {path.name for path in verifier_run.iterdir()}
    assert {"model.safetensors", "verifier.json", "metrics.json", "environment.json", "recipe.yaml"} <= names
    assert not [name for name in names if name.startswith("checkpoint") or name.endswith((".bin", ".pt"))]
    metrics, report = read_run_metrics(verifier_run), read_verifier_report(verifier_run)
    assert metrics.method == "verifier"
    assert metrics.train_pairs == report.train_examples + 2 * report.train_written_answers
    before, after = metrics.validation_before.loss, metrics.validation.loss
    assert before is not None and after is not None and after < before
    assert report.left_out == []
    assert report.test.by_kind.keys() == RULES.keys()
    # No validation paper of the slice has written answers.
    assert report.train_written_answers > 0 and report.written is None
    assert 0 < report.threshold < 1
    assert report.baselines.keys() == {
        *("similarity to the reference", "similarity to the nearest sentence", "checks of numbers and names"),
    }
    assert all(figures.by_kind.keys() == RULES.keys() for figures in report.baselines.values())
    # A changed number is what the checks find; other errors have only numbers and names of the abstract.
    checks = report.baselines["checks of numbers and names"].by_kind
    assert checks["number-changed"] > 0.9 > 0.6 > checks["direction"]


@pytest.mark.slow
def test_killed_run_ends_with_the_same_files(
    tmp_path: Path,
    verifier_run: Path,
    tiny_encoder: Path,
    corpus: Path,
    encoder: Path,
    stage: Callable[..., Any],
    killed: Callable[..., None],
) -> None:
    """Killed two steps before the end, and resumed; then it is finished, and does nothing more."""
    command = _command(tiny_encoder, corpus, encoder, tmp_path / "run")
    steps = len(read_run_metrics(verifier_run).loss_by_step)
    killed("training.run.stopwatch.Stopwatch.on_step_begin", steps - 2, *command)
    done = stage(*command)
    assert done.returncode == 0, done.stderr
    assert contents(tmp_path / "run", without=APART) == contents(verifier_run, without=APART)
    done = stage(*command)
    assert "this run is finished; nothing to do" in done.stderr


@pytest.mark.slow
def test_left_out_kinds_are_in_the_report(
    tmp_path: Path, verifier_run: Path, tiny_encoder: Path, corpus: Path, encoder: Path
) -> None:
    """Training lacks the written answers of these kinds, and the test papers have all kinds."""
    from training.verifier import main

    more = ("--leave_out", "negation", "direction", "--max_steps", 1, "--written_answers", WRITTEN)
    main(list(map(str, _command(tiny_encoder, corpus, encoder, tmp_path / "run", *more)[1:])))
    report = read_verifier_report(tmp_path / "run")
    assert report.left_out == ["negation", "direction"]
    assert report.train_written_answers < read_verifier_report(verifier_run).train_written_answers
    assert report.test.by_kind.keys() == RULES.keys()


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--leave_out", "typo"], "leave_out 'typo': not a kind of error; choose from number-changed, "),
        (["--sentences", "0"], "sentences 0: must be 1 or more"),
        (["--max_tokens", "999"], "max_tokens 999: .* reads at most 256 tokens"),
        (["--use_peft", "true"], "use_peft True: a verifier is an encoder, of which all layers are trained"),
        (["--metric_for_best_model", "loss"], "metric_for_best_model 'loss': .* its last epoch; leave the key out"),
        (["--written_answers", "nowhere"], "nowhere: folder not found"),
        (["--model_name_or_path", "{static}"], "is not a transformer that reads a limited number of tokens"),
        (["--written_answers", "{right}"], "has only right or only wrong answers on the validation papers"),
    ],
)
def test_wrong_recipe_is_named(
    words: list[str],
    problem: str,
    tmp_path: Path,
    tiny_encoder: Path,
    corpus: Path,
    encoder: Path,
    packaged_models: Path,
) -> None:
    """Before anything is trained or written."""
    from training.verifier import main

    question = read_questions(load_corpus_split(str(corpus), None, "validation"))[0]
    right = WrittenAnswer(
        paper_id=question.paper_id, question=question.question, answer="It is so.", error=None, wording="far"
    )
    (tmp_path / "right").mkdir()
    (tmp_path / "right/isca_2020.jsonl").write_text(f"{right.model_dump_json()}\n")
    words = [word.format(static=packaged_models / "wordllama", right=tmp_path / "right") for word in words]

    with pytest.raises(InputError, match=problem):
        main(list(map(str, [*_command(tiny_encoder, corpus, encoder, tmp_path / "run")[1:], *words])))
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_run_answers_as_a_verifier_after_loading(verifier_run: Path, corpus: Path) -> None:
    """The saved model gives the supports from which verifier.json was made: the same test AUROC."""
    from dataset_builder.verification.load import find_verifier
    from dataset_builder.verification.report import split_figures

    found = find_verifier("--verifier", str(verifier_run))
    test = split_examples(read_questions(load_corpus_split(str(corpus), None, "test")), [], 0, 2).made
    scores = found.load().score_all([(example.context, example.question, example.answer) for example in test])
    figures = split_figures(test, scores, found.report.threshold)
    assert figures.all_kinds.auroc == pytest.approx(found.report.test.all_kinds.auroc, abs=1e-3)
