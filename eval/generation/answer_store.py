"""Keep a system's answers on disk, by prompt, so that a killed or repeated evaluation generates no answer twice."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.corpus.questions import Question
from dataset_builder.errors import InputError
from dataset_builder.files import sha256_of_text
from dataset_builder.formats import FileFormat, read_format, write_format
from dataset_builder.journal import Journal
from dataset_builder.prompt import MAX_ANSWER_TOKENS, build_prompt
from eval.prompting import Answer


class StoredAnswers(FileFormat):
    """The content of answers/NAME.json: the answers by `prompt_key`, and the fingerprint of the system.

    `cut` has the keys of the answers that are cut off at the largest number of tokens.
    """

    system_sha256: str
    answers: dict[str, str]
    cut: list[str]


@dataclass(frozen=True)
class StoredAnswer:
    """A record of the journal: one answer, by `prompt_key`."""

    prompt_sha256: str
    answer: str
    is_cut: bool


def prompt_key(question: Question) -> str:
    """Return the SHA-256 of what decides an answer besides the system: the prompt and the longest answer's length."""
    prompt = build_prompt(question.instruction, question.context, question.question)
    return sha256_of_text(f"{MAX_ANSWER_TOKENS}\n{prompt}")


class AnswerStore:
    """The `answers` of one system, by `prompt_key`, in `folder`/NAME.json.

    Each process of a launch appends its new answers to a journal; the first process then merges the journals into the
    one file. Answers of another system with the same name are ignored, and removed by `merge`.
    """

    def __init__(self, folder: Path, name: str, fingerprint: str, process: int = 0) -> None:
        self.path = folder / f"{name}.json"
        self._fingerprint = fingerprint
        self._journal = Journal(folder, f".partial.{name}.{fingerprint[:16]}", StoredAnswer, process)
        self.answers: dict[str, Answer] = {}
        # A file that cannot be read counts as missing.
        with suppress(InputError):
            stored = read_format(StoredAnswers, self.path, "remove it")
            if stored.system_sha256 == fingerprint:
                cut = set(stored.cut)
                self.answers |= {key: Answer(text, key in cut) for key, text in stored.answers.items()}
        self._read_journal()

    def append(self, answers: dict[str, Answer]) -> None:
        """Add answers; they are on disk when this returns."""
        self.answers.update(answers)
        self._journal.append([StoredAnswer(key, answer.text, answer.is_cut) for key, answer in answers.items()])

    def merge(self) -> None:
        """Write the answers of all processes to the one file, and delete the journals of this name."""
        self._read_journal()
        answers = dict(sorted(self.answers.items()))
        stored = StoredAnswers(
            system_sha256=self._fingerprint,
            answers={key: answer.text for key, answer in answers.items()},
            cut=[key for key, answer in answers.items() if answer.is_cut],
        )
        write_format(self.path, stored)
        for journal in self.path.parent.glob(f".partial.{self.path.stem}.*.jsonl"):
            journal.unlink()

    def _read_journal(self) -> None:
        for record in self._journal.read_new():
            self.answers[record.prompt_sha256] = Answer(record.answer, record.is_cut)
