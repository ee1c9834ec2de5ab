"""Ask a model questions about abstracts from text files, and show the sentences nearest to the answers.

python -m eval answer --model runs/smollm2-lora --abstract abstract.txt --question "What is proposed?"
"""

import argparse
import os
import sys
from functools import partial
from pathlib import Path

from tqdm import tqdm

from dataset_builder.errors import InputError
from dataset_builder.models.folders import find_encoder, find_model
from dataset_builder.models.packaged import default_encoder
from eval.asking.answerer import Answerer, AskedQuestion
from eval.asking.evidence import CitedAnswer

# Someone may give the abstract itself in place of a file.
LONGEST_SHOWN = 200


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `eval answer`."""
    add = partial(command.add_argument, required=True)
    add("--model", metavar="MODEL", help="folder of a run or model, or Hub id")
    add("--abstract", type=Path, metavar="PATH", help="text file with an abstract, a folder of *.txt, or - for stdin")
    add("--question", action="append", metavar="TEXT", help="question; may be given several times")
    decoding_help = (
        "guarded: an answer has only numbers in digits that the abstract or the question has; greedy: no guard; "
        "default: %(default)s"
    )
    command.add_argument("--decoding", choices=("guarded", "greedy"), default="guarded", help=decoding_help)
    encoder_help = (
        "sentence encoder that compares the answer with the sentences of the abstract, folder or Hub id; default: "
        "all-MiniLM-L6-v2"
    )
    command.add_argument("--encoder", default=default_encoder(), metavar="ENCODER", help=encoder_help)
    json_help = "print a JSON line for each answer; the default for a folder of abstracts and for several questions"
    command.add_argument("--json", action="store_true", help=json_help)


def run_command(arguments: argparse.Namespace) -> None:
    """Print the answer with its cited sentences, or a JSON line for each answer."""
    single = len(arguments.question) == 1 and not os.path.isdir(arguments.abstract)
    asked = read_asked_questions(arguments.abstract, arguments.question)
    model, encoder = find_model("--model", arguments.model), find_encoder("--encoder", arguments.encoder)
    from eval.metrics.embedding import Encoder

    answerer = Answerer(model, Encoder(encoder, "--encoder"), is_guarded=arguments.decoding == "guarded")
    # disable=None: show the bar only on a terminal.
    disable = True if len(asked) == 1 else None
    with tqdm(total=len(asked), desc="answering", unit="question", disable=disable) as bar:
        for batch in answerer.answer_in_batches(asked):
            for answer in batch.values():
                text = describe_answer(answer) if single and not arguments.json else answer.model_dump_json()
                # tqdm prints above the progress bar. The flush gives each answer at once to a program that reads it.
                tqdm.write(text, file=sys.stdout)
                sys.stdout.flush()
            bar.update(len(batch))


def describe_answer(answer: CitedAnswer) -> str:
    """Return the answer, the cited sentences and the unsupported numbers and names, for a person."""
    lines = [answer.answer]
    for cited in answer.evidence:
        lines += [
            "",
            f'Nearest sentence of the abstract (similarity {cited.score:.2f}): "{" ".join(cited.text.split())}"',
        ]
    if answer.unsupported:
        lines += [
            "",
            f"Numbers and names that neither the abstract nor the question has: {', '.join(answer.unsupported)}",
        ]
    return "\n".join(lines)


def read_asked_questions(abstracts: Path, questions: list[str]) -> list[AskedQuestion]:
    """Return each question on each abstract of `read_abstracts`; raises `InputError` for an empty question."""
    texts = read_abstracts(abstracts)
    if not all(question.strip() for question in questions):
        raise InputError("--question: is empty; give the question in quotes")
    return [AskedQuestion(question, text, name) for name, text in texts.items() for question in questions]


def read_abstracts(path: Path) -> dict[str, str]:
    """Return the abstracts by file name, sorted: standard input, one file, or each *.txt in a folder.

    Raises `InputError` for a file that cannot be read, and for an empty one.
    """
    files = sorted(path.glob("*.txt")) if os.path.isdir(path) else [path]
    if not files:
        raise InputError(f"--abstract {path}: has no abstract (*.txt); put each abstract into its own text file")
    texts = {}
    for file in files:
        shown = str(file) if len(str(file)) <= LONGEST_SHOWN else f"{str(file)[:LONGEST_SHOWN]}..."
        try:
            texts[file.name] = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            remedy = "give a text file, or - to read the abstract from standard input"
            raise InputError(
                f"--abstract {shown}: cannot be read as UTF-8 text ({error.args[-1]}); {remedy}"
            ) from error
        if not texts[file.name].strip():
            raise InputError(f"--abstract {shown}: is empty; put the text of the abstract there")
    return texts
