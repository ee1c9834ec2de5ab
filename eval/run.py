r"""Evaluate systems: answer the test questions, score the answers, write scores, predictions and reports.

python -m eval run --dataset data/corpus --configs plain detailed --out runs/eval \
    --models baseline=data/models/smollm2 lora=runs/smollm2-lora mbr=runs/smollm2-lora,decoding=mbr
"""

import argparse
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from dataset_builder.corpus.load import corpus_revision, load_corpus_split
from dataset_builder.corpus.questions import CorpusQuestion, read_questions
from dataset_builder.corpus.report import REPORT_FILE, read_corpus_report
from dataset_builder.errors import InputError
from dataset_builder.figures import draw_papers_by_year
from dataset_builder.files import exclusive_lock, make_writable_folder, write_text
from dataset_builder.formats import write_format
from dataset_builder.hardware import start_process
from dataset_builder.models.folders import EncoderFolder, ModelFolder, find_encoder, tokenizer_folder
from dataset_builder.models.packaged import default_encoder
from dataset_builder.server.settings import add_server_options, read_server_options
from dataset_builder.tables import Table, as_narrow_tables, as_table
from dataset_builder.verification.load import VerifierFolder, find_verifier
from eval.analysis.scores import SCORES_FILE, Scores, ScoresHeader, VerifierRecord, read_scores
from eval.asking.evidence import collect_evidence
from eval.prompting import choose_examples
from eval.question_sample import sample_questions
from eval.report.figures import draw_similarity_by_year, draw_training_loss
from eval.report.html import report_html
from eval.report.markdown import report_markdown
from eval.report.tables import comparison
from eval.run_metrics import (
    MBR_SAMPLES,
    TEMPERATURE,
    AnswerSampling,
    RunMetrics,
    check_temperature,
    read_metrics_of_model,
)
from eval.served_model import SERVED_FORM
from eval.systems import DECODINGS, FORM, MBRDecoding, System, parse_systems

# Wider than any table.
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
        "decoding=guarded allows only numbers that the abstract or the question has, and mbr (minimum Bayes risk) "
        "samples several answers and keeps the one that the first encoder finds nearest to all samples"
    )
    add("--models", required=True, nargs="+", metavar="NAME=MODEL", help=models_help)
    decoding_help = "decoding of the systems whose --models names none; default: %(default)s"
    add("--decoding", choices=DECODINGS, default="greedy", help=decoding_help)
    encoders_help = (
        "sentence-transformers models that compute the similarity, folders or Hub ids; the first one gives the main "
        "score; default: all-MiniLM-L6-v2"
    )
    add("--encoders", nargs="+", metavar="ENCODER", help=encoders_help)
    add("--cross-encoder", metavar="ENCODER", help="cross-encoder for one more metric, folder or Hub id")
    verifier_help = "verifier for the share of answers that the abstract supports, folder or Hub id; default: none"
    add("--verifier", metavar="DIR", help=verifier_help)
    add("--samples", type=int, default=MBR_SAMPLES, metavar="N", help="samples for MBR; default: %(default)s")
    add("--temperature", type=float, default=TEMPERATURE, help="temperature for MBR; default: %(default)s")
    add("--seed", type=int, default=0, help="seed for MBR; default: %(default)s")
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
    for option in ("questions", "batch_size", "samples"):
        value = getattr(arguments, option)
        if value is not None and value < 1:
            raise InputError(f"--{option.replace('_', '-')} {value}: must be 1 or more")
    check_temperature("--temperature", arguments.temperature)
    if len(set(arguments.configs)) < len(arguments.configs):
        raise InputError(f"--configs {' '.join(arguments.configs)}: a config is given twice; give each config once")
    encoders = [find_encoder("--encoders", encoder) for encoder in arguments.encoders or [default_encoder()]]
    cross_encoder = find_encoder("--cross-encoder", arguments.cross_encoder) if arguments.cross_encoder else None
    verifier = find_verifier("--verifier", arguments.verifier) if arguments.verifier else None
    sampling = AnswerSampling(samples=arguments.samples, temperature=arguments.temperature, seed=arguments.seed)
    mbr = MBRDecoding(sampling, encoders[0])
    systems = parse_systems(arguments.models, mbr, arguments.decoding, read_server_options(arguments))
    result = run(
        arguments.dataset,
        arguments.configs,
        systems,
        encoders,
        arguments.out,
        revision=arguments.revision,
        cross_encoder=cross_encoder,
        verifier=verifier,
        questions=arguments.questions,
        batch_size=arguments.batch_size,
    )
    if result is None:
        return
    console = Console()
    print_table(comparison(*result), console)
    console.print(f"report.html, report.md, scores, predictions and figures: {arguments.out}", soft_wrap=True)


def print_table(table: Table, console: Console) -> None:
    """Print a table as a whole if the terminal is wide enough, else in parts. A file or a pipe is wide enough."""
    unlimited = console.options.update(max_width=UNLIMITED)
    whole = as_table(*table)
    width, needed = console.width, console.measure(whole, options=unlimited).maximum
    fits = needed <= width or not (console.is_terminal or "COLUMNS" in os.environ)
    for part in [whole] if fits else as_narrow_tables(*table, width):
        # rich would cut what is wider than the console.
        console.width = max(width, console.measure(part, options=unlimited).maximum)
        console.print(part)
        if not fits:
            console.print()


def run(
    dataset: str,
    configs: Sequence[str],
    systems: Sequence[System],
    encoders: Sequence[EncoderFolder],
    out: Path,
    *,
    revision: str | None = None,
    cross_encoder: EncoderFolder | None = None,
    verifier: VerifierFolder | None = None,
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
        scorer = AnswerScorer(encoders, cross_encoder, verifier) if process.is_main_process else None
        answers = collect_answers(systems, asked, out / "answers", process, batch_size)
        if scorer is None:
            return None
        with Console(stderr=True).status("scoring the answers") as status:
            texts = {
                config: {name: [answer.text for answer in given] for name, given in by_name.items()}
                for config, by_name in answers.items()
            }
            values = scorer.score_all(asked, texts, out / "predictions", status.update)
            status.update("scoring the heuristic baselines and upper bounds")
            heuristics = compute_heuristics(asked, corpus, scorer.headline_encoder)
            heuristic_values = scorer.score_all(asked, heuristics, out / "heuristics", status.update)
            status.update("computing intervals and differences")
            header = ScoresHeader(
                date=datetime.now(UTC).date().isoformat(),
                dataset=dataset,
                revision=revision,
                sampled_questions=questions if asked != corpus else None,
                encoders=[encoder.label for encoder in encoders],
                cross_encoder=cross_encoder.label if cross_encoder else None,
                verifier=_verifier_record(verifier) if verifier else None,
            )
            scores = score_all(header, asked, systems, values, heuristic_values, answers)
            scores = _keep_date(scores, out / SCORES_FILE)
            status.update("writing the report")
            papers_by_year = _count_papers_by_year(dataset, asked)
            draw_papers_by_year(out / "figures", papers_by_year)
            draw_training_loss(out / "figures", metrics)
            draw_similarity_by_year(out / "figures", scores)
            write_text(out / "report.md", report_markdown(scores, metrics))
            evidence = collect_evidence(asked, texts, scorer.headline_encoder)
            html = report_html(scores, metrics, asked, answers, values, papers_by_year, evidence)
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


def _verifier_record(verifier: VerifierFolder) -> VerifierRecord:
    report = verifier.report
    return VerifierRecord(
        sha256=verifier.folder.fingerprint, threshold=report.threshold, auroc=report.test.all_kinds.auroc
    )


def _keep_date(scores: Scores, path: Path) -> Scores:
    """Return `scores` with the date of the scores in `path` if these are the same."""
    # A file that cannot be read, or is older, is replaced.
    with suppress(InputError):
        earlier = read_scores(path)
        if scores.model_copy(update={"date": earlier.date}) == earlier:
            return earlier
    return scores


def _count_papers_by_year(dataset: str, questions: Mapping[str, Sequence[CorpusQuestion]]) -> dict[str, int]:
    """Return the number of papers by year: of a local corpus all papers, of a corpus on the Hub the test papers."""
    folder = Path(dataset)
    if (folder / REPORT_FILE).is_file():
        return dict(read_corpus_report(folder).papers.by_year)
    years = {question.paper_id: question.year for config in questions.values() for question in config}
    return {str(year): count for year, count in sorted(Counter(years.values()).items())}
