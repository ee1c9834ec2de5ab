"""Score with a verifier whether abstracts support answers, for lines of abstract, question and answer.

python -m eval verify --model runs/minilm-verifier --input answers.jsonl --out verified.jsonl
"""

import argparse
from pathlib import Path

from pydantic import ConfigDict
from rich.console import Console

from dataset_builder.errors import InputError
from dataset_builder.files import write_text
from dataset_builder.formats import FileFormat, Text, read_records, to_json_line
from dataset_builder.verification.load import find_verifier


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
    found = find_verifier("--model", model)

    from dataset_builder.hardware import use_all_threads

    use_all_threads()
    supports = found.load().score_all([(answer.abstract, answer.question, answer.answer) for answer in answers])
    scored = [
        answer.model_copy(update={"support": support}) for answer, support in zip(answers, supports, strict=True)
    ]
    return scored, found.report.threshold
