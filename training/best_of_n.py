"""Sample a model's answers to the training questions, and make a corpus of those nearest to the reference answers.

    python -m training.best_of_n --model runs/smollm2-lora --dataset data/corpus --out data/best-of-8

The new corpus has these answers in its training split and the old ones in its validation split. `training.sft
--dataset data/best-of-8` trains on it as on any other corpus (rejection sampling). The same command continues after a
kill.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from dataset_builder.command import run_stage, stage_parser
from dataset_builder.errors import InputError
from dataset_builder.files import make_writable_folder, replacing, write_text
from dataset_builder.formats import write_format
from dataset_builder.journal import Journal
from dataset_builder.packaged_models import DEFAULT_ENCODER
from dataset_builder.templates import render
from eval.run_metrics import SAMPLES_FILE, AnswerSampling, SampledAnswers

if TYPE_CHECKING:
    from datasets import Dataset

    from dataset_builder.corpus.questions import CorpusQuestion
    from dataset_builder.model_folders import EncoderFolder, ModelFolder

CONFIG = "best_of_n"
CARD = Path(__file__).parent / "best_of_n.md.j2"


@dataclass(frozen=True)
class ChosenAnswer:
    """The sample nearest to the reference answer of question `number`, and the similarities of the samples to it."""

    number: int
    answer: str
    best_similarity: float
    mean_similarity: float


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
        "--samples", type=int, default=8, metavar="N", help="answers for each question; default: %(default)s"
    )
    command.add_argument(
        "--temperature", type=float, default=0.8, metavar="T", help="sampling temperature; default: %(default)s"
    )
    command.add_argument("--batch-size", type=int, metavar="N", help="questions in a batch; default: as many as fit")
    command.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the sampling; default: %(default)s")
    command.add_argument(
        "--encoder",
        default=DEFAULT_ENCODER,
        metavar="DIR",
        help="sentence encoder that compares answers, folder or Hub id; default: %(default)s",
    )


def run_command(arguments: argparse.Namespace) -> None:
    """Write the corpus, and say how much nearer the chosen answers are than the average sample."""
    for option, value in (("--samples", arguments.samples), ("--batch-size", arguments.batch_size)):
        if value is not None and value < 1:
            raise InputError(f"{option} {value}: must be 1 or more")
    if arguments.temperature <= 0:
        raise InputError(f"--temperature {arguments.temperature}: must be greater than 0; the default is 0.8")
    report = best_of_n(
        model=arguments.model,
        dataset=arguments.dataset,
        out=arguments.out,
        sampling=AnswerSampling(samples=arguments.samples, temperature=arguments.temperature, seed=arguments.seed),
        encoder=arguments.encoder,
        batch_size=arguments.batch_size,
        dataset_revision=arguments.dataset_revision,
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
) -> SampledAnswers:
    """Write the corpus to `out`, and write and return the report on its answers.

    Raises `InputError` if `out` has other files.
    """
    from dataset_builder.corpus.load import corpus_revision, load_corpus_split
    from dataset_builder.corpus.questions import read_questions
    from dataset_builder.hardware import use_all_threads
    from dataset_builder.model_folders import find_encoder, find_model

    use_all_threads()
    model_folder, encoder_folder = find_model("model", model), find_encoder("--encoder", encoder)
    # Both splits are loaded at this revision, even if a new one is pushed meanwhile.
    revision = corpus_revision(dataset, dataset_revision)
    train, validation = (load_corpus_split(dataset, None, split, revision) for split in ("train", "validation"))
    questions = read_questions(train)
    if out.is_dir() and any(out.iterdir()) and not (out / CONFIG).is_dir():
        raise InputError(f"--out {out}: holds files that training.best_of_n did not write; choose another folder")
    make_writable_folder(out / CONFIG)
    inputs = (model, model_folder.fingerprint, dataset, revision, encoder_folder.fingerprint, sampling.model_dump())
    stem = f".partial.{hashlib.sha256(json.dumps(inputs).encode()).hexdigest()[:16]}"
    journal = Journal(out, stem, ChosenAnswer)
    chosen = choose_answers(model_folder, questions, sampling, encoder_folder, journal, batch_size)

    answered = [{**row, "answer": choice.answer} for row, choice in zip(train, chosen, strict=True) if choice.answer]
    _write_split(out, "train", type(train).from_list(answered, train.features))
    _write_split(out, "validation", validation)
    report = SampledAnswers(
        model=model,
        model_sha256=model_folder.fingerprint,
        dataset=dataset,
        dataset_revision=revision,
        encoder_sha256=encoder_folder.fingerprint,
        sampling=sampling,
        pairs=len(answered),
        empty_answers_left_out=len(chosen) - len(answered),
        mean_similarity=sum(choice.mean_similarity for choice in chosen) / len(chosen),
        best_similarity=sum(choice.best_similarity for choice in chosen) / len(chosen),
    )
    write_format(out / SAMPLES_FILE, report)
    # The card makes the folder a corpus, so write it last.
    card = render(CARD, config=CONFIG, samples=sampling.samples, dataset=dataset, model=model)
    write_text(out / "README.md", f"{card}\n")
    journal.remove()
    return report


def choose_answers(
    model: ModelFolder,
    questions: list[CorpusQuestion],
    sampling: AnswerSampling,
    encoder: EncoderFolder,
    journal: Journal[ChosenAnswer],
    batch_size: int | None,
) -> list[ChosenAnswer]:
    """Return the chosen answer to each question. Sample the answers that the journal lacks, and add them."""
    from tqdm import tqdm

    from dataset_builder.language_model import load_model
    from eval.generation.answers import sample_in_batches
    from eval.metrics.embedding import Encoder

    chosen = {choice.number: choice for choice in journal.read_new()}
    missing = [number for number in range(len(questions)) if number not in chosen]
    if missing:
        compare = Encoder(encoder)
        asked = [questions[number] for number in missing]
        network, tokenizer = load_model(model)
        with tqdm(total=len(questions), initial=len(chosen), desc="sampling answers", unit="question") as bar:
            for batch in sample_in_batches(network, tokenizer, asked, sampling, batch_size):
                choices = []
                for index, sampled in batch.items():
                    answers = [answer.text for answer in sampled]
                    similarities = compare.similarities(answers, [asked[index].answer] * len(answers))
                    best = int(similarities.argmax())
                    scores = float(similarities[best]), float(similarities.mean())
                    choices.append(ChosenAnswer(missing[index], answers[best], *scores))
                chosen |= {choice.number: choice for choice in choices}
                journal.append(choices)
                bar.update(len(batch))
    return [chosen[number] for number in range(len(questions))]


def _write_split(out: Path, name: str, split: Dataset) -> None:
    with replacing(out / CONFIG / f"{name}-00000-of-00001.parquet") as temporary:
        split.to_parquet(temporary)


if __name__ == "__main__":
    run_stage(stage_parser(sys.modules[__name__]))
