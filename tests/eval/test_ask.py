"""Test `python -m eval answer`: one question, a folder of abstracts, and input that is refused."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dataset_builder.corpus.questions import Question
from dataset_builder.errors import InputError
from dataset_builder.formats import write_format
from dataset_builder.models.folders import find_encoder, find_model
from dataset_builder.models.language_model import load_model
from dataset_builder.prompt import INSTRUCTION, build_prompt
from eval.ask import describe_answer, read_abstracts, read_asked_questions
from eval.asking.abstention import ABSTENTION_FILE, Abstention, find_relevances
from eval.asking.answerer import ABSTAINED, Answerer, AskedQuestion
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


def test_json_line_has_the_evidence(
    tmp_path: Path, tiny_base: Path, encoder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Offsets into the file's text, and the number that neither abstract nor question has."""
    from dataset_builder.command import run_stage
    from eval.__main__ import parser

    (tmp_path / "a.txt").write_text(f"{TEXT}\n")
    given = Answer("They are fast, by 7 \u00b5s.")
    monkeypatch.setattr("eval.generation.answers.answer_in_batches", lambda *_, **__: iter([{0: given}]))
    command = ["eval", "answer", "--model", str(tiny_base), "--abstract", str(tmp_path / "a.txt"), "--json"]
    monkeypatch.setattr("sys.argv", [*command, "--question", "Why?", "--encoder", str(encoder)])
    run_stage(parser())
    (line,) = capsys.readouterr().out.splitlines()
    assert "\u00b5" in line
    record = json.loads(line)
    (cited,) = record.pop("evidence")
    assert record == {
        **{"abstract": "a.txt", "question": "Why?", "answer": given.text, "unsupported": ["7"]},
        **{"relevance": record["relevance"], "support": None, "abstained": False},
    }
    assert -1 <= record["relevance"] <= 1
    assert cited.pop("score") > 0.3
    assert cited == {"start": 18, "end": 34, "text": "They   are fast."}


def test_answer_for_a_person() -> None:
    """The answer, the cited sentence without its line breaks, and what is unsupported."""
    cited = CitedSentence(start=0, end=9, text="It\nworks.", score=0.714)
    answer = CitedAnswer(
        abstract="a", question="q", answer="It won.", evidence=[cited], unsupported=["7", "DDR5"], relevance=0.5
    )
    assert describe_answer(answer) == (
        'It won.\n\nNearest sentence of the abstract (similarity 0.71): "It works."\n\n'
        "Numbers and names that neither the abstract nor the question has: 7, DDR5"
    )


def test_support_for_a_person() -> None:
    """Of an answer with a verifier's support; and of a question that was not asked."""
    shown = CitedAnswer(
        abstract="a", question="q", answer="It won.", evidence=[], unsupported=[], relevance=0.3, support=0.714
    )
    assert describe_answer(shown) == "It won.\n\nSupport by the verifier (0 to 1): 0.71"
    abstained = shown.model_copy(update={"answer": ABSTAINED, "support": None, "abstained": True})
    assert describe_answer(abstained) == (
        "The abstract does not say.\n\nThe sentence nearest to the question has a similarity of only 0.30, so the "
        "model was not asked. Use --no-abstain to ask it anyway."
    )


def _answer_command(tmp_path: Path, model: Path, encoder: Path, *more: object) -> None:
    from eval.__main__ import parser

    (tmp_path / "a.txt").write_text(TEXT)
    words = ["answer", "--model", model, "--abstract", tmp_path / "a.txt", "--json", "--encoder", encoder]
    questions = ["--question", "Are caches small?", "--question", "Who wrote it?"]
    arguments = parser().parse_args([*map(str, [*words, *questions, *more])])
    arguments.run_command(arguments)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let every model answer that they are fast; return the questions that it is asked."""
    questions: list[str] = []

    def answer(_: object, __: object, batch: list[Question], **___: object) -> Iterator[dict[int, Answer]]:
        questions.extend(one.question for one in batch)
        yield {number: Answer("They are fast.") for number in reversed(range(len(batch)))}

    monkeypatch.setattr("eval.generation.answers.answer_in_batches", answer)
    return questions


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], ["Are caches small?"]),
        (["--threshold", "-1"], ["Are caches small?", "Who wrote it?"]),
        (["--threshold", "1"], []),
        (["--no-abstain"], ["Are caches small?", "Who wrote it?"]),
    ],
)
def test_question_below_the_threshold_is_not_asked(
    options: list[str],
    expected: list[str],
    tmp_path: Path,
    tiny_base: Path,
    encoder: Path,
    asked: list[str],
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The threshold in the model's folder is the relevance of the first question, which is enough."""
    folder = find_encoder("--encoder", str(encoder))
    loaded = Encoder(folder)
    near, far = find_relevances(
        [Question(INSTRUCTION, TEXT, question) for question in ("Are caches small?", "Who wrote it?")], loaded
    )
    assert far < near
    model = Path(shutil.copytree(tiny_base, tmp_path / "model"))
    abstention = Abstention(
        encoder=folder.label,
        dataset_revision="r",
        questions=10,
        papers=2,
        threshold=near,
        asked=0.9,
        foreign_asked=0.1,
    )
    write_format(model / ABSTENTION_FILE, abstention)
    _answer_command(tmp_path, model, encoder, *options)
    assert asked == expected
    lines = {line["question"]: line for line in map(json.loads, capsys.readouterr().out.splitlines())}
    assert {question: line["relevance"] for question, line in lines.items()} == {
        "Are caches small?": near,
        "Who wrote it?": far,
    }
    for question, line in lines.items():
        assert line["abstained"] is (question not in expected)
        assert line["answer"] == (ABSTAINED if line["abstained"] else "They are fast.")
        assert bool(line["evidence"]) is not line["abstained"]
        assert line["support"] is None
    assert not caplog.messages


def test_stream_does_not_ask_either(tiny_base: Path, encoder: Path) -> None:
    """No word is written before the answer that it abstains with."""
    loaded = Encoder(find_encoder("--encoder", str(encoder)))
    answerer = Answerer(find_model("m", str(tiny_base)), loaded, threshold=1.0)
    (answer,) = answerer.stream(AskedQuestion(" Why? ", TEXT, "a.txt"))
    assert isinstance(answer, CitedAnswer)
    assert (answer.answer, answer.abstained, answer.question, answer.abstract) == (ABSTAINED, True, "Why?", "a.txt")


def test_questions_that_are_not_asked_come_last(tiny_base: Path, encoder: Path, asked: list[str]) -> None:
    """So an error in a batch comes before any answer is printed. Each answer keeps the number of its question."""
    loaded = Encoder(find_encoder("--encoder", str(encoder)))
    [near] = find_relevances([Question(INSTRUCTION, TEXT, "Are caches small?")], loaded)
    answerer = Answerer(find_model("m", str(tiny_base)), loaded, threshold=near)
    questions = [AskedQuestion(question, TEXT) for question in ("Who wrote it?", "Are caches small?", "Who paid?")]
    batches = list(answerer.answer_in_batches(questions))
    assert [{number: answer.abstained for number, answer in batch.items()} for batch in batches] == [
        {1: False},
        {0: True, 2: True},
    ]


def test_without_a_threshold_every_question_is_asked(
    tmp_path: Path, tiny_base: Path, encoder: Path, asked: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """And the command says so, once."""
    _answer_command(tmp_path, tiny_base, encoder)
    assert asked == ["Are caches small?", "Who wrote it?"]
    (message,) = caplog.messages
    assert "has no abstention.json, so every question is asked; give --threshold, or choose the threshold" in message


def test_answers_have_the_support_of_the_verifier(
    tmp_path: Path,
    tiny_base: Path,
    encoder: Path,
    verifier: Path,
    asked: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each its own; a low support withholds nothing."""
    scored: list[tuple[str, str, str]] = []

    def score(_: object, items: list[tuple[str, str, str]]) -> Iterator[dict[int, float]]:
        scored.extend(items)
        yield {0: 0.4, 1: 0.0}

    monkeypatch.setattr("dataset_builder.verification.verifier.Verifier.score_batches", score)
    _answer_command(tmp_path, tiny_base, encoder, "--verifier", verifier, "--no-abstain")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["question"], line["support"], line["abstained"]) for line in lines] == [
        ("Are caches small?", 0.4, False),
        ("Who wrote it?", 0.0, False),
    ]
    assert scored == [("Caches are small. They are fast.", line["question"], "They are fast.") for line in lines]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--threshold", "1.5"], r"--threshold 1\.5: must be a similarity from -1 to 1"),
        (["--verifier", "{base}"], "is not a verifier"),
    ],
)
def test_wrong_options_are_named(
    options: list[str], problem: str, tmp_path: Path, tiny_base: Path, encoder: Path
) -> None:
    """Before a model is loaded."""
    words = [option.format(base=tiny_base) for option in options]
    with pytest.raises(InputError, match=problem):
        _answer_command(tmp_path, tiny_base, encoder, *words)


def test_answers_are_guarded_unless_told_otherwise(
    tmp_path: Path, tiny_base: Path, encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--decoding greedy` turns the guard off."""
    from dataset_builder.command import run_stage
    from eval.__main__ import parser

    (tmp_path / "a.txt").write_text(TEXT)
    guarded = []

    def batches(*_: object, is_guarded: bool, **__: object) -> Iterator[dict[int, Answer]]:
        guarded.append(is_guarded)
        yield {0: Answer("")}

    monkeypatch.setattr("eval.generation.answers.answer_in_batches", batches)
    command = [
        "eval",
        "answer",
        "--model",
        str(tiny_base),
        "--abstract",
        str(tmp_path / "a.txt"),
        "--question",
        "Why?",
    ]
    for decoding in ([], ["--decoding", "greedy"]):
        monkeypatch.setattr("sys.argv", [*command, "--encoder", str(encoder), *decoding])
        run_stage(parser())
    assert guarded == [True, False]


def test_folder_is_answered_file_by_file(tmp_path: Path, tiny_base: Path, encoder: Path, monkeypatch, capsys) -> None:
    """Two abstracts and two questions: four lines of JSON, each answer equal to that of a single question."""
    from dataset_builder.command import run_stage
    from eval.__main__ import parser

    for name in ("b.txt", "a.txt"):
        (tmp_path / name).write_text(f"{TEXT} {name}")
    (tmp_path / "notes.md").write_text("not an abstract")
    command = ["eval", "answer", "--model", str(tiny_base), "--abstract", str(tmp_path), "--encoder", str(encoder)]
    monkeypatch.setattr("sys.argv", [*command, "--question", "Why?", "--question", "How so?"])
    run_stage(parser())
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sorted((line["abstract"], line["question"]) for line in lines) == [
        (name, question) for name in ("a.txt", "b.txt") for question in ("How so?", "Why?")
    ]
    answerer = Answerer(find_model("m", str(tiny_base)), Encoder(find_encoder("--encoder", str(encoder))))
    for line in lines:
        text = (tmp_path / line["abstract"]).read_text()
        *_, alone = answerer.stream(AskedQuestion(line["question"], text, line["abstract"]))
        assert CitedAnswer(**line | {"evidence": alone.evidence}) == alone


def test_answers_come_as_they_are_made(tiny_base: Path, encoder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answers of the first batch are there before the second batch begins."""
    begun = []

    def batches(*_: object, **__: object) -> Iterator[dict[int, Answer]]:
        for number in (1, 0):
            begun.append(number)
            yield {number: Answer(f"answer {number}")}

    monkeypatch.setattr("eval.generation.answers.answer_in_batches", batches)
    answerer = Answerer(find_model("m", str(tiny_base)), Encoder(find_encoder("--encoder", str(encoder))))
    answers = answerer.answer_in_batches([AskedQuestion("Why?", TEXT, "a.txt"), AskedQuestion("Why?", TEXT, "b.txt")])
    first = next(answers)
    assert {number: (answer.abstract, answer.answer) for number, answer in first.items()} == {1: ("b.txt", "answer 1")}
    assert begun == [1]
    assert [list(batch) for batch in answers] == [[0]]


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
