"""Score with a verifier whether abstracts support answers, for lines of abstract, question and answer.

python -m eval verify --model runs/smollm2-verifier --input answers.jsonl --out verified.jsonl
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ConfigDict
from rich.console import Console

from dataset_builder.errors import InputError
from dataset_builder.files import write_text
from dataset_builder.formats import FileFormat, Text, read_records, to_json_line
from dataset_builder.verification.report import VERIFIER_FILE, read_verifier_report
from eval.models import ModelFolder, find_model

if TYPE_CHECKING:
    from dataset_builder.verification.verifier import Verifier


class VerifiedAnswer(FileFormat):
    """An answer to a question on an abstract: a line of the input and, with `support` from 0 to 1, of the output.

    Other keys are kept as they are.
    """

    model_config = ConfigDict(extra="allow")

    abstract: Text
    question: Text
    answer: Text
    support: float | None = None


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `eval verify`."""
    command.add_argument("--model", required=True, metavar="MODEL", help="folder of a verifier's run, or Hub id")
    command.add_argument(
        "--input",
        type=Path,
        required=True,
        metavar="FILE",
        help="JSON Lines with the keys abstract, question and answer; other keys are kept",
    )
    command.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="the same lines with the key support, from 0 to 1"
    )


def run_command(arguments: argparse.Namespace) -> None:
    """Write the lines with their support, and print how many answers are below the verifier's threshold."""
    out: Path = arguments.out
    if not out.parent.is_dir():
        raise InputError(f"--out {out}: there is no folder {out.parent}; create it, or choose another file")
    answers, threshold = verify(arguments.model, arguments.input)
    write_text(out, "".join(map(to_json_line, answers)))
    below = sum(answer.support is not None and answer.support < threshold for answer in answers)
    Console().print(
        f"{len(answers)} answers, {below} below the threshold {threshold:.3f} (not supported): {out}",
        soft_wrap=True,
    )


def verify(model: str, path: Path) -> tuple[list[VerifiedAnswer], float]:
    """Return the answers in the file `path` with their support, in its order, and the verifier's threshold.

    `model` is a folder or Hub id. Raises `InputError` for a model that is not a verifier, a line that does not fit,
    and a file without lines.
    """
    answers = [answer for _, answer in read_records(VerifiedAnswer, path, "correct the line")]
    if not answers:
        raise InputError(f"--input {path}: has no lines; give a line of abstract, question and answer for each answer")
    folder = find_verifier("--model", model)

    from tqdm import tqdm

    from dataset_builder.hardware import use_all_threads

    use_all_threads()
    verifier = load_verifier(folder)
    scores: dict[int, float] = {}
    items = [(answer.abstract, answer.question, answer.answer) for answer in answers]
    with tqdm(total=len(items), desc="verifying", unit="answer", disable=None) as bar:
        for batch in verifier.score_batches(items):
            scores |= batch
            bar.update(len(batch))
    scored = [answer.model_copy(update={"support": scores[number]}) for number, answer in enumerate(answers)]
    return scored, read_verifier_report(folder.path).threshold


def find_verifier(option: str, given: str) -> ModelFolder:
    """Return the verifier in a folder or on the Hub; raises `InputError`, which names `option`, for another model."""
    folder = find_model(option, given)
    if not (folder.path / VERIFIER_FILE).is_file():
        remedy = "train one: python -m training.verifier --config training/recipes/smollm2-verifier.yaml"
        raise InputError(f"{option} {given}: is not a verifier (it has no {VERIFIER_FILE}); {remedy}")
    return folder


def load_verifier(folder: ModelFolder) -> "Verifier":
    """Return the verifier in `folder`, which `find_verifier` found."""
    from dataset_builder.verification.verifier import Verifier
    from eval.generation.answers import load_model

    report = read_verifier_report(folder.path)
    network, tokenizer = load_model(folder)
    return Verifier(network, tokenizer, report.max_tokens)
