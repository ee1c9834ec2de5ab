"""Ask a model questions about abstracts from text files.

python -m eval answer --model runs/smollm2-lora --abstract abstract.txt --question "What is proposed?"
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tqdm import tqdm

from dataset_builder.corpus.questions import Question
from dataset_builder.errors import InputError
from dataset_builder.prompt import INSTRUCTION
from eval.models import find_model

# Someone may give the abstract itself in place of a file.
LONGEST_SHOWN = 200


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `eval answer`."""
    add = partial(command.add_argument, required=True)
    add("--model", metavar="MODEL", help="folder of a run or model, or Hub id")
    add("--abstract", type=Path, metavar="PATH", help="text file with an abstract, a folder of *.txt, or - for stdin")
    add("--question", action="append", metavar="TEXT", help="question; may be given several times")


def run_command(arguments: argparse.Namespace) -> None:
    """Print the answer, or for several abstracts or questions a JSON line for each answer."""
    single = len(arguments.question) == 1 and not os.path.isdir(arguments.abstract)
    for name, question, answer in ask(arguments.model, arguments.abstract, arguments.question):
        record = {"abstract": name, "question": question, "answer": answer}
        # tqdm prints above the progress bar. The flush gives each answer at once to a program that reads the output.
        tqdm.write(answer if single else json.dumps(record, ensure_ascii=False), file=sys.stdout)
        sys.stdout.flush()


def ask(model: str, abstracts: Path, questions: list[str]) -> Iterator[tuple[str, str, str]]:
    """Yield the abstract's file name, the question and the answer, a batch at a time, the longest abstracts first.

    `model` is a folder or Hub id; `abstracts` is a text file, a folder with *.txt files, or "-" for standard input.
    Raises `InputError` before the model is loaded for an empty question and for abstracts that cannot be read.
    """
    texts = read_abstracts(abstracts)
    if not all(question.strip() for question in questions):
        raise InputError("--question: is empty; give the question in quotes")
    folder = find_model("--model", model)
    from eval.generation.answers import answer_in_batches, load_model

    asked = [
        (name, Question(INSTRUCTION, text, question.strip())) for name, text in texts.items() for question in questions
    ]
    loaded, tokenizer = load_model(folder)
    # disable=None: show the bar only on a terminal.
    disable = True if len(asked) == 1 else None
    with tqdm(total=len(asked), desc="answering", unit="question", disable=disable) as bar:
        for batch in answer_in_batches(loaded, tokenizer, [question for _, question in asked]):
            for number, answer in sorted(batch.items()):
                name, asked_question = asked[number]
                yield name, asked_question.question, answer.text
            bar.update(len(batch))


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
            text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            remedy = "give a text file, or - to read the abstract from standard input"
            raise InputError(
                f"--abstract {shown}: cannot be read as UTF-8 text ({error.args[-1]}); {remedy}"
            ) from error
        texts[file.name] = " ".join(text.split())
        if not texts[file.name]:
            raise InputError(f"--abstract {shown}: is empty; put the text of the abstract there")
    return texts
