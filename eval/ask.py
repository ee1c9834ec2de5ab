"""One's own questions on one's own abstracts, answered by a model folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dataset_builder.errors import InputError
from dataset_builder.prompt import INSTRUCTION
from eval.models import find_model


def ask(model: str, abstracts: Path, questions: list[str]) -> Iterator[tuple[str, str, str]]:
    """Yield the name of the abstract's file, the question and the answer, each question on each abstract.

    They come as they are answered, a batch at a time, the longest abstracts first. `model` is a folder or Hub id;
    `abstracts` is a text file or a folder of them (*.txt). Raises `InputError` before the model is loaded for what
    cannot be asked.
    """
    texts = read_abstracts(abstracts)
    for question in questions:
        if not question.strip():
            raise InputError("--question: is empty; give the question in quotes")
    folder = find_model("--model", model)
    from tqdm import tqdm

    from eval.generation.answers import answer_in_batches, load_model

    rows = [
        {"instruction": INSTRUCTION, "context": text, "question": question.strip(), "name": name}
        for name, text in texts.items()
        for question in questions
    ]
    loaded, tokenizer = load_model(folder)
    with tqdm(total=len(rows), desc="answering", unit="question", disable=len(rows) == 1) as bar:
        for batch in answer_in_batches(loaded, tokenizer, rows):
            for number, answer in sorted(batch.items()):
                yield rows[number]["name"], rows[number]["question"], answer
            bar.update(len(batch))


def read_abstracts(path: Path) -> dict[str, str]:
    """Return the abstracts by file name: of one file, or of each *.txt in a folder, sorted.

    Raises `InputError` when there is none, or one is empty or no UTF-8 text.
    """
    files = sorted(path.glob("*.txt")) if path.is_dir() else [path]
    if not files:
        raise InputError(f"--abstract {path}: holds no abstract (*.txt); put each abstract in a text file of its own")
    texts = {}
    for file in files:
        try:
            texts[file.name] = " ".join(file.read_text(encoding="utf-8").split())
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"--abstract {file}: cannot be read as UTF-8 text ({error})") from error
        if not texts[file.name]:
            raise InputError(f"--abstract {file}: is empty; put the text of the abstract there")
    return texts
