"""Read the right and wrong answers that were written for the open corpus: faithfulness/VENUE_YEAR.jsonl."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator

from dataset_builder.corpus.papers import normalize_paper_id, venue_year_files
from dataset_builder.corpus.questions import CorpusQuestion
from dataset_builder.formats import FileFormat, Text, read_records
from dataset_builder.verification.example import ErrorKind, Example


class WrittenAnswer(FileFormat):
    """An answer to a question of the corpus: a line of faithfulness/VENUE_YEAR.jsonl.

    `error` is null for an answer that the paper's abstract supports, else the kind of its one error. `wording` says
    whether the answer has mostly the words of the abstract ("near") or other words ("far").
    """

    paper_id: Annotated[Text, AfterValidator(normalize_paper_id)]
    question: Text
    answer: Text
    error: ErrorKind | None
    wording: Literal["near", "far"]


def read_written_answers(folder: Path) -> list[WrittenAnswer]:
    """Read every VENUE_YEAR.jsonl of `folder`, by year and then in file order.

    Raises `InputError` if the folder holds no such file, and for a line that does not fit the format.
    """
    return [
        answer
        for path in venue_year_files(folder, (".jsonl",))
        for _, answer in read_records(WrittenAnswer, path, "correct the line")
    ]


def join_abstracts(answers: Iterable[WrittenAnswer], questions: Iterable[CorpusQuestion]) -> list[Example]:
    """Return the answers to `questions` as examples; answers to other questions are left out.

    `questions` are those of one split, so that an answer is in the split of its paper. Paper and question must both
    be the same: the answers were written for the descriptions of the open corpus, and a corpus of real abstracts has
    the same papers with other questions.
    """
    contexts = {(question.paper_id, question.question): question.context for question in questions}
    return [
        Example(answer.paper_id, contexts[key], answer.question, answer.answer, answer.error)
        for answer in answers
        if (key := (answer.paper_id, answer.question)) in contexts
    ]
