"""Test `python -m eval answer`: one question, a folder of abstracts, and input that is refused."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dataset_builder.errors import InputError
from dataset_builder.prompt import INSTRUCTION, build_prompt
from eval.ask import ask, read_abstracts
from eval.generation.answers import answer_alone, load_model
from eval.models import find_model
from eval.prompting import Answer

TEXT = "Caches are small.\nThey   are fast."


def test_one_question_prints_the_answer(tmp_path: Path, tiny_base: Path, stage: Callable) -> None:
    """Line breaks of the file become spaces, as in the corpus; the output is only the answer."""
    (tmp_path / "a.txt").write_text(TEXT)
    model, tokenizer = load_model(find_model("m", str(tiny_base)))
    prompt = tokenizer(build_prompt(INSTRUCTION, "Caches are small. They are fast.", "Why?"))["input_ids"]
    done = stage("eval", "answer", "--model", tiny_base, "--abstract", tmp_path / "a.txt", "--question", "Why?")
    assert done.returncode == 0, done.stderr
    assert done.stdout == answer_alone(model, tokenizer, prompt).text + "\n"


def test_folder_is_answered_file_by_file(tmp_path: Path, tiny_base: Path, monkeypatch, capsys) -> None:
    """Two abstracts and two questions: four lines of JSON, each answer equal to that of a single question."""
    from dataset_builder.command import run_stage
    from eval.__main__ import parser

    for name in ("b.txt", "a.txt"):
        (tmp_path / name).write_text(f"{TEXT} {name}")
    (tmp_path / "notes.md").write_text("not an abstract")
    command = ["eval", "answer", "--model", str(tiny_base), "--abstract", str(tmp_path)]
    monkeypatch.setattr("sys.argv", [*command, "--question", "Why?", "--question", "How so?"])
    run_stage(parser())
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sorted((line["abstract"], line["question"]) for line in lines) == [
        (name, question) for name in ("a.txt", "b.txt") for question in ("How so?", "Why?")
    ]
    for line in lines:
        ((_, _, alone),) = ask(str(tiny_base), tmp_path / line["abstract"], [line["question"]])
        assert line["answer"] == alone


def test_answers_come_as_they_are_made(tmp_path: Path, tiny_base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer of the first batch is printed before the second batch begins."""
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(TEXT)
    begun = []

    def batches(*_: object) -> Iterator[dict[int, Answer]]:
        for number in (1, 0):
            begun.append(number)
            yield {number: Answer(f"answer {number}")}

    monkeypatch.setattr("eval.generation.answers.answer_in_batches", batches)
    answers = ask(str(tiny_base), tmp_path, ["Why?"])
    assert next(answers) == ("b.txt", "Why?", "answer 1")
    assert begun == [1]
    assert list(answers) == [("a.txt", "Why?", "answer 0")]


def test_abstract_is_read_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """With "-" in place of a file."""
    monkeypatch.setattr("sys.stdin", io.StringIO(TEXT))
    assert read_abstracts(Path("-")) == {"-": "Caches are small. They are fast."}
    monkeypatch.setattr("sys.stdin", io.StringIO(" "))
    with pytest.raises(InputError, match="--abstract -: is empty"):
        read_abstracts(Path("-"))


def test_what_cannot_be_asked_is_refused(tmp_path: Path) -> None:
    """A missing file, an empty one, one that is not text, a folder without abstracts, an empty question, no model."""
    for name, content in (("empty.txt", b" \n"), ("latin.txt", b"\xe9")):
        (tmp_path / name).write_bytes(content)
    (tmp_path / "folder").mkdir()
    for path, complaint in (
        ("none.txt", "cannot be read"),
        (
            "Caches are small. " * 40,
            r"Caches are.*\.\.\.: cannot be read .*- to read the abstract from standard input",
        ),
        ("empty.txt", "is empty"),
        ("latin.txt", "cannot be read as UTF-8"),
        ("folder", "has no abstract"),
    ):
        with pytest.raises(InputError, match=complaint):
            read_abstracts(tmp_path / path)
    (tmp_path / "folder/a.txt").write_text(TEXT)
    with pytest.raises(InputError, match="--question: is empty"):
        list(ask("m", tmp_path / "folder", [" "]))
    with pytest.raises(InputError, match="not a model folder"):
        list(ask(str(tmp_path), tmp_path / "folder", ["Why?"]))
