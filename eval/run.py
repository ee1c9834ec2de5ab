r"""Evaluate systems: answer the test questions, score the answers, write scores, predictions and reports.

python -m eval run --dataset data/corpus --configs plain detailed --out runs/eval \
    --models baseline=data/models/smollm2 lora=runs/smollm2-lora guarded=runs/smollm2-lora,decoding=guarded
"""

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from dataset_builder.corpus.load import corpus_revision, load_corpus_split
from dataset_builder.corpus.questions import CorpusQuestion, read_questions
from dataset_builder.errors import InputError
from dataset_builder.files import exclusive_lock, make_writable_folder, write_text
from dataset_builder.formats import write_format
from dataset_builder.hardware import start_process
from dataset_builder.models.folders import EncoderFolder, ModelFolder, find_encoder, tokenizer_folder
from dataset_builder.models.packaged import default_encoder
from dataset_builder.server.settings import add_server_options, read_server_options
from dataset_builder.tables import as_table
from eval.analysis.scores import SCORES_FILE, Scores, ScoresHeader, read_scores
from eval.asking.evidence import collect_evidence
from eval.prompting import choose_examples
from eval.question_sample import sample_questions
from eval.report.figures import draw_training_loss
from eval.report.html import report_html
from eval.report.markdown import report_markdown
from eval.report.tables import comparison
from eval.run_metrics import RunMetrics, read_metrics_of_model
from eval.served_model import SERVED_FORM
from eval.systems import DECODINGS, FORM, System, parse_systems

# Wider than any table: a file or a pipe has no width.
UNLIMITED = 10_000


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `eval run`."""
    add = command.add_argument
    add("--dataset", required=True, metavar="CORPUS", help="corpus folder or Hub id")
    add(
        "--revision",
        metavar="REVISION",
        help="commit, tag or branch of a corpus on the Hub; default: the newest commit",
    )
    add("--configs", required=True, nargs="+", metavar="CONFIG", help="corpus configs whose test questions to answer")
    models_help = (
        f"systems to evaluate, as {FORM}; MODEL is the folder of a run or model, a Hub id, or {SERVED_FORM} for a "
        "model behind a server that speaks OpenAI's protocol. prompt=chat uses the model's chat template, few-shot "
        "shows the model two examples from the training split, and closed-book leaves the abstract out. "
        "decoding=guarded allows only numbers that the abstract or the question has"
    )
    add("--models", required=True, nargs="+", metavar="NAME=MODEL", help=models_help)
    decoding_help = "decoding of the systems whose --models names none; default: %(default)s"
    add("--decoding", choices=DECODINGS, default="greedy", help=decoding_help)
    encoders_help = (
        "sentence-transformers models that compute the similarity, folders or Hub ids; the first one gives the main "
        "score; default: all-MiniLM-L6-v2"
    )
    add("--encoders", nargs="+", metavar="ENCODER", help=encoders_help)
    add("--out", type=Path, default=Path("runs/eval"), metavar="DIR", help="output folder; default: %(default)s")
    sample_help = "answer a fixed random sample of N questions of each config; default: all questions"
    add("--questions", type=int, metavar="N", help=sample_help)
    batch_help = "largest number of questions in a batch; it changes no answer; default: what the memory can hold"
    add("--batch-size", type=int, metavar="N", help=batch_help)
    add_server_options(command.add_argument_group(f"systems behind a server ({SERVED_FORM})").add_argument)


def run_command(arguments: argparse.Namespace) -> None:
    """Evaluate, and print the table of scores."""
    if not arguments.dataset.strip():
        raise InputError("--dataset: is empty; give the folder of a corpus, or a Hub id")
    for option in ("questions", "batch_size"):
        value = getattr(arguments, option)
        if value is not None and value < 1:
            raise InputError(f"--{option.replace('_', '-')} {value}: must be 1 or more")
    if len(set(arguments.configs)) < len(arguments.configs):
        raise InputError(f"--configs {' '.join(arguments.configs)}: a config is given twice; give each config once")
    encoders = [find_encoder("--encoders", encoder) for encoder in arguments.encoders or [default_encoder()]]
    systems = parse_systems(arguments.models, arguments.decoding, read_server_options(arguments))
    result = run(
        arguments.dataset,
        arguments.configs,
        systems,
        encoders,
        arguments.out,
        revision=arguments.revision,
        questions=arguments.questions,
        batch_size=arguments.batch_size,
    )
    if result is None:
        return
    console = Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else UNLIMITED)
    console.print(as_table(*comparison(*result)))
    console.print(f"report.html, report.md, scores, predictions and figures: {arguments.out}", soft_wrap=True)


def run(
    dataset: str,
    configs: Sequence[str],
    systems: Sequence[System],
    encoders: Sequence[EncoderFolder],
    out: Path,
    *,
    revision: str | None = None,
    questions: int | None = None,
    batch_size: int | None = None,
) -> tuple[Scores, dict[str, RunMetrics]] | None:
    """Evaluate `systems` on the test split of each config; return the scores, and the metrics of trained models.

    `revision` is a commit, tag or branch of a corpus on the Hub; None is its newest commit.
    Under `accelerate launch` the other processes answer their share of the questions and return None. `questions`
    limits each config to a fixed random sample. Answers in `out` that the same system gave are reused.

    Raises `InputError` before any model is loaded for wrong input, and if another command is writing into `out`.
    """
    from eval.analysis.aggregate import score_all
    from eval.analysis.heuristics import compute_heuristics
    from eval.generation.collect import collect_answers
    from eval.generation.generation_rules import encoder_of_folder
    from eval.metrics.scorer import AnswerScorer

    folders = {system.name: system.model for system in systems if isinstance(system.model, ModelFolder)}
    for folder in folders.values():
        tokenizer_folder(folder)
    metrics = {name: trained for name, folder in folders.items() if (trained := read_metrics_of_model(folder))}
    # The revision is read first: the questions are loaded at this revision, even if a new one is pushed meanwhile.
    revision = corpus_revision(dataset, revision)
    corpus = {config: _test_questions(dataset, config, revision) for config in configs}
    if any(system.prompt.form == "few-shot" for system in systems):
        # Every config has the same training split.
        training = read_questions(load_corpus_split(dataset, configs[0], "train", revision))
        systems = [system.with_examples(choose_examples(training)) for system in systems]
        for system in systems:
            if isinstance(system.model, ModelFolder):
                encoder_of_folder(system.model, system.prompt)
    asked = {config: sample_questions(config_questions, questions) for config, config_questions in corpus.items()}
    for name in ("predictions", "figures", "answers", "heuristics"):
        make_writable_folder(out / name)

    process = start_process()
    with exclusive_lock(out) if process.is_main_process else nullcontext():
        scorer = AnswerScorer(encoders) if process.is_main_process else None
        answers = collect_answers(systems, asked, out / "answers", process, batch_size)
        if scorer is None:
            return None
        with Console(stderr=True).status("scoring the answers") as status:
            texts = {
                config: {name: [answer.text for answer in given] for name, given in by_name.items()}
                for config, by_name in answers.items()
            }
            values = scorer.score_all(asked, texts, out / "predictions")
            status.update("scoring the heuristic baselines and upper bounds")
            heuristics = compute_heuristics(asked, corpus, scorer.headline_encoder)
            heuristic_values = scorer.score_all(asked, heuristics, out / "heuristics")
            status.update("computing intervals and differences")
            header = ScoresHeader(
                date=datetime.now(UTC).date().isoformat(),
                dataset=dataset,
                revision=revision,
                sampled_questions=questions if asked != corpus else None,
                encoders=[encoder.label for encoder in encoders],
            )
            scores = score_all(header, asked, systems, values, heuristic_values, answers)
            scores = _keep_date(scores, out / SCORES_FILE)
            status.update("writing the report")
            draw_training_loss(out / "figures", metrics)
            write_text(out / "report.md", report_markdown(scores, metrics))
            evidence = collect_evidence(asked, texts, scorer.headline_encoder)
            html = report_html(scores, metrics, asked, answers, values, evidence)
            write_text(out / "report.html", html)
            write_format(out / SCORES_FILE, scores)
    return scores, metrics


def _test_questions(dataset: str, config: str, revision: str) -> list[CorpusQuestion]:
    """Return the test questions of a config; raises `InputError` if an abstract, question or answer is empty."""
    questions = read_questions(load_corpus_split(dataset, config, "test", revision))
    if not questions:
        raise InputError(f"dataset {dataset!r}, config {config!r}: its test split is empty; add test papers and pairs")
    for number, question in enumerate(questions):
        for column in ("context", "question", "answer"):
            if not (getattr(question, column) or "").strip():
                row = f"dataset {dataset!r}, config {config!r}, test row {number}"
                raise InputError(f"{row}: its {column!r} is empty; run `python -m dataset_builder build` again")
    return questions


def _keep_date(scores: Scores, path: Path) -> Scores:
    """Return `scores` with the date of the scores in `path` if these are the same."""
    # A file that cannot be read is replaced.
    with suppress(InputError):
        earlier = read_scores(path)
        if scores.model_copy(update={"date": earlier.date}) == earlier:
            return earlier
    return scores
