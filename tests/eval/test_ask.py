"""Test `python -m eval answer`: one question, a folder of abstracts, and input that is refused."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dataset_builder.errors import InputError
from dataset_builder.models.folders import find_encoder, find_model
from dataset_builder.models.language_model import load_model
from dataset_builder.prompt import INSTRUCTION, build_prompt
from eval.__main__ import parser
from eval.ask import describe_answer, read_abstracts, read_asked_questions
from eval.asking.answerer import Answerer, AskedQuestion
from eval.asking.evidence import CitedAnswer, CitedSentence
from eval.generation.answers import answer_alone
from eval.metrics.embedding import Encoder
from eval.prompting import Answer

TEXT = "Caches are small.\nThey   are fast."


def test_one_question_prints_the_answer(tmp_path: Path, tiny_base: Path, encoder: Path, stage: Callable) -> None:
    """Line breaks of the file become spaces, as in the corpus; below the answer is the cited sentence."""
    (tmp_path / "a.txt").write_text(TEXT)
    model, tokenizer = load_model(find_model("m", str(tiny_base)))
    prompt = tokenizer(build_prompt(INSTRUCTION, "Caches are small. They are fast.", "Why?"))["input_ids"]
    arguments = ("--model", tiny_base, "--abstract", tmp_path / "a.txt", "--question", "Why?", "--encoder", encoder)
    done = stage("eval", "answer", *arguments, "--decoding", "greedy")
    assert done.returncode == 0, done.stderr
    answer, _, cited = done.stdout.partition("\n\n")
    assert answer == answer_alone(model, tokenizer, prompt).text
    assert cited.startswith("Nearest sentence of the abstract (similarity ")


def run_answer(*words: object) -> None:
    """Run `eval answer` in this process."""
    arguments = parser().parse_args(["answer", *map(str, words)])
    arguments.run_command(arguments)


def test_json_line_has_the_evidence(
    tmp_path: Path, tiny_base: Path, encoder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Offsets into the file's text, and the number that neither abstract nor question has.

    Answers are guarded unless the command says otherwise.
    """
    (tmp_path / "a.txt").write_text(f"{TEXT}\n")
    guarded = []

    def batches(*_: object, is_guarded: bool, **__: object) -> Iterator[dict[int, Answer]]:
        guarded.append(is_guarded)
        yield {0: Answer("They are fast, by 7 \u00b5s.")}

    monkeypatch.setattr("eval.generation.answers.answer_in_batches", batches)
    given = ("--model", tiny_base, "--abstract", tmp_path / "a.txt", "--encoder", encoder, "--question", "Why?")
    run_answer(*given, "--json")
    (line,) = capsys.readouterr().out.splitlines()
    assert "\u00b5" in line
    record = json.loads(line)
    (cited,) = record.pop("evidence")
    assert record == {
        **{"abstract": "a.txt", "question": "Why?", "answer": "They are fast, by 7 \u00b5s.", "unsupported": ["7"]},
    }
    assert cited.pop("score") > 0.3
    assert cited == {"start": 18, "end": 34, "text": "They   are fast."}
    run_answer(*given, "--decoding", "greedy")
    assert guarded == [True, False]


def test_folder_is_answered_file_by_file(
    tmp_path: Path, tiny_base: Path, encoder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two abstracts and two questions: four lines of JSON, each answer equal to that of a single question."""
    for name in ("b.txt", "a.txt"):
        (tmp_path / name).write_text(f"{TEXT} {name}")
    (tmp_path / "notes.md").write_text("not an abstract")
    given = ("--model", tiny_base, "--abstract", tmp_path, "--encoder", encoder)
    run_answer(*given, "--question", "Why?", "--question", "How so?")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sorted((line["abstract"], line["question"]) for line in lines) == [
        (name, question) for name in ("a.txt", "b.txt") for question in ("How so?", "Why?")
    ]
    answerer = Answerer(find_model("m", str(tiny_base)), Encoder(find_encoder("--encoder", str(encoder))))
    for line in lines:
        text = (tmp_path / line["abstract"]).read_text()
        alone = answerer.answer(AskedQuestion(line["question"], text, line["abstract"]))
        assert CitedAnswer(**line | {"evidence": alone.evidence}) == alone


def test_answer_for_a_person() -> None:
    """The answer, the cited sentence without its line breaks, and what is unsupported."""
    cited = CitedSentence(start=0, end=9, text="It\nworks.", score=0.714)
    answer = CitedAnswer(abstract="a", question="q", answer="It won.", evidence=[cited], unsupported=["7", "DDR5"])
    assert describe_answer(answer) == (
        'It won.\n\nNearest sentence of the abstract (similarity 0.71): "It works."\n\n'
        "Numbers and names that neither the abstract nor the question has: 7, DDR5"
    )


def test_abstract_is_read_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """With "-" in place of a file; the text stays as it is, since evidence has offsets into it."""
    monkeypatch.setattr("sys.stdin", io.StringIO(TEXT))
    assert read_abstracts(Path("-")) == {"-": TEXT}
    monkeypatch.setattr("sys.stdin", io.StringIO(" "))
    with pytest.raises(InputError, match="--abstract -: is empty"):
        read_abstracts(Path("-"))


def test_what_cannot_be_asked_is_refused(tmp_path: Path) -> None:
    """A missing file, an empty one, one that is not text, a folder without abstracts, an empty question."""
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
        read_asked_questions(tmp_path / "folder", ["Why?", " "])
