"""Sample a model's answers to the training questions, rank them, and make a corpus of the best ones.

    python -m training.best_of_n --model runs/smollm2-lora --dataset data/corpus --out data/best-of-4

The new corpus has these answers in its training split and the old ones in its validation split. `training.sft
--dataset data/best-of-4` trains on it as on any other corpus (rejection sampling). Its column `rejected` has the worst
sample for each question, for `training.dpo`. `training/alignment/ranking.py` says how answers are ranked. The same
command continues after a kill, and does nothing if the corpus is finished.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from dataset_builder.command import run_stage, stage_parser
from dataset_builder.errors import InputError
from dataset_builder.files import make_writable_folder, replacing, sha256_of, sha256_of_text, write_text
from dataset_builder.formats import write_format
from dataset_builder.hub.changes import CARD_FILE
from dataset_builder.journal import Journal
from dataset_builder.models.packaged import DEFAULT_ENCODER
from dataset_builder.templates import render
from eval.run_metrics import (
    SAMPLES_FILE,
    TEMPERATURE,
    TRAINING_SAMPLES,
    AnswerSampling,
    SampledAnswers,
    SamplingInputs,
    check_temperature,
    read_sampled_answers,
)
from training.alignment.rewards import MEASURES, SUPPORT

if TYPE_CHECKING:
    from datasets import Features

CONFIG = "best_of_n"
# The column with the worst sample; null where no sample is better than another.
REJECTED = "rejected"
CARD = Path(__file__).parent / "best_of_n.md.j2"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    command.add_argument("--model", required=True, metavar="DIR", help="trained model or adapter that answers")
    command.add_argument("--dataset", required=True, metavar="DIR", help="corpus folder or Hub id")
    command.add_argument(
        "--dataset-revision",
        metavar="REVISION",
        help="commit, tag or branch of a corpus on the Hub; default: the newest commit",
    )
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the new corpus")
    command.add_argument(
        "--samples",
        type=int,
        default=TRAINING_SAMPLES,
        metavar="N",
        help="answers for each question; default: %(default)s",
    )
    command.add_argument(
        "--temperature",
        type=float,
        default=TEMPERATURE,
        metavar="T",
        help="sampling temperature; default: %(default)s",
    )
    command.add_argument("--batch-size", type=int, metavar="N", help="questions in a batch; default: as many as fit")
    command.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the sampling; default: %(default)s")
    command.add_argument(
        "--encoder",
        default=DEFAULT_ENCODER,
        metavar="DIR",
        help="sentence encoder that compares answers, folder or Hub id; default: %(default)s",
    )
    command.add_argument(
        "--verifier",
        metavar="MODEL",
        help="verifier that ranks answers too, folder of its run or Hub id; default: none",
    )


def run_command(arguments: argparse.Namespace) -> None:
    """Write the corpus, and print how much nearer the chosen answers are than the average sample."""
    for option, value in (("--samples", arguments.samples), ("--batch-size", arguments.batch_size)):
        if value is not None and value < 1:
            raise InputError(f"{option} {value}: must be 1 or more")
    check_temperature("--temperature", arguments.temperature)
    report = best_of_n(
        model=arguments.model,
        dataset=arguments.dataset,
        out=arguments.out,
        sampling=AnswerSampling(samples=arguments.samples, temperature=arguments.temperature, seed=arguments.seed),
        encoder=arguments.encoder,
        batch_size=arguments.batch_size,
        dataset_revision=arguments.dataset_revision,
        verifier=arguments.verifier,
    )
    Console().print(
        f"{report.pairs} answers: mean similarity {report.mean_similarity:.3f} over all samples, "
        f"{report.best_similarity:.3f} over the chosen ones. Corpus: {arguments.out}",
        soft_wrap=True,
    )


def best_of_n(
    model: str,
    dataset: str,
    out: Path,
    sampling: AnswerSampling,
    encoder: str,
    batch_size: int | None = None,
    dataset_revision: str | None = None,
    verifier: str | None = None,
) -> SampledAnswers:
    """Write the corpus to `out`, and write and return the report on its answers.

    A finished corpus of the same inputs is kept. Raises `InputError` if `out` has other files or a finished corpus of
    other inputs.
    """
    from dataset_builder.corpus.load import corpus_revision, load_corpus_split
    from dataset_builder.corpus.questions import read_questions
    from dataset_builder.hardware import use_all_threads
    from dataset_builder.models.folders import find_encoder, find_model
    from dataset_builder.verification.load import find_verifier
    from training.alignment.candidates import RankedSamples, rank_samples

    use_all_threads()
    model_folder, encoder_folder = find_model("model", model), find_encoder("--encoder", encoder)
    verifier_folder = find_verifier("--verifier", verifier) if verifier else None
    # Both splits are loaded at this revision, even if a new one is pushed meanwhile.
    revision = corpus_revision(dataset, dataset_revision)
    train, validation = (load_corpus_split(dataset, None, split, revision) for split in ("train", "validation"))
    inputs = SamplingInputs(
        model=model,
        model_sha256=model_folder.fingerprint,
        dataset=dataset,
        dataset_revision=revision,
        encoder_sha256=encoder_folder.fingerprint,
        sampling=sampling,
        cut_answers_left_out=True,
        measures=[*MEASURES, *([SUPPORT] if verifier else [])],
        verifier_sha256=verifier_folder.folder.fingerprint if verifier_folder else None,
    )
    if finished := _finished_report(out, inputs):
        return finished
    if out.is_dir() and any(out.iterdir()) and not (out / CONFIG).is_dir():
        raise InputError(f"{out}: holds files that training.best_of_n did not write; choose another folder")
    make_writable_folder(out / CONFIG)
    journal = Journal(out, f".partial.{sha256_of_text(json.dumps(_decisive(inputs)))[:16]}", RankedSamples)
    ranked = rank_samples(
        model_folder, read_questions(train), sampling, encoder_folder, verifier_folder, journal, batch_size
    )

    # The card makes the folder a corpus, so remove it first and write it last.
    (out / CARD_FILE).unlink(missing_ok=True)
    answered = [
        {**row, "answer": samples.best, REJECTED: samples.worst}
        for row, samples in zip(train, ranked, strict=True)
        if samples.best
    ]
    chosen = [samples.best_similarity for samples in ranked if samples.best_similarity is not None]
    if not answered:
        problem = "every sampled answer is empty or was cut at the largest number of tokens"
        raise InputError(f"{model}: {problem}; train the model longer, or sample at a lower --temperature")
    files = (
        _write_split(out, "train", answered, train.features),
        _write_split(out, "validation", [{**row, REJECTED: None} for row in validation], validation.features),
    )
    report = SampledAnswers(
        **inputs.model_dump(),
        pairs=len(answered),
        empty_answers_left_out=len(ranked) - len(answered),
        mean_similarity=sum(samples.mean_similarity for samples in ranked) / len(ranked),
        best_similarity=sum(chosen) / len(chosen),
        preferences=sum(row[REJECTED] is not None for row in answered),
    )
    write_format(out / SAMPLES_FILE, report)
    # The cache of `datasets` knows a folder by its name and its card only. So the card changes with the rows.
    digest = sha256_of_text(" ".join(map(sha256_of, files)))
    card = render(CARD, config=CONFIG, digest=digest, samples=sampling.samples, dataset=dataset, model=model)
    write_text(out / CARD_FILE, f"{card}\n")
    journal.remove()
    return report


def _finished_report(out: Path, inputs: SamplingInputs) -> SampledAnswers | None:
    """Return the report in `out`, None if it is not finished; raises `InputError` if it was made from other inputs."""
    report = read_sampled_answers(out) if (out / CARD_FILE).is_file() else None
    if report is not None:
        made_from = _decisive(report)
        changed = [name for name, value in _decisive(inputs).items() if made_from[name] != value]
        if changed == ["cut_answers_left_out"]:
            problem = "its answers are of an earlier version, which kept answers that were cut"
            raise InputError(f"{out}: {problem}; choose another folder, and another one for a training on them")
        if changed:
            problem = f"holds the finished answers of another run (it differs in {', '.join(changed)})"
            raise InputError(f"{out}: {problem}; choose another folder, or remove this one")
    return report


def _decisive(inputs: SamplingInputs) -> dict[str, Any]:
    """Return the inputs without the paths of model and corpus, whose content has a SHA-256 or a revision."""
    return inputs.model_dump(include=set(SamplingInputs.model_fields) - {"model", "dataset"})


def _write_split(out: Path, name: str, rows: list[dict[str, Any]], features: Features) -> Path:
    from datasets import Dataset, Features, Value

    split = Dataset.from_list(rows, Features({**features, REJECTED: Value("string")}))
    path = out / CONFIG / f"{name}-00000-of-00001.parquet"
    with replacing(path) as temporary:
        split.to_parquet(temporary)
    return path


if __name__ == "__main__":
    run_stage(stage_parser(sys.modules[__name__]))
