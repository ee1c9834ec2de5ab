"""Read question-answer pairs as the teachers write them: TEACHER/VENUE_YEAR.jsonl."""

from collections.abc import Container
from pathlib import Path

from pydantic import ConfigDict

from dataset_builder.corpus.papers import normalize_paper_id, venue_year_files
from dataset_builder.errors import InputError
from dataset_builder.formats import FileFormat, Text, read_records
from dataset_builder.teachers.teacher import NAME_RULE, TEACHER_NAME, Sampling


class QAPair(FileFormat):
    """One question on one paper with its answer: a line of TEACHER/VENUE_YEAR.jsonl.

    `kind` is the kind of the question, for example "no-answer"; a plain question has none. A pair that `generate`
    wrote also has its provenance: the teacher's model and its revision, the SHA-256 of the prompt template, the
    sampling, and the seed of the response. Other keys are ignored.
    """

    model_config = ConfigDict(extra="ignore")

    paper_id: Text
    teacher: Text
    question: Text
    answer: Text
    kind: Text | None = None
    teacher_model: str | None = None
    teacher_revision: str | None = None
    prompt_sha256: str | None = None
    sampling: Sampling | None = None
    seed: int | None = None


def teacher_folder(folder: Path, teacher: str) -> Path:
    """Return the folder of a teacher's pairs; raises `InputError` for a wrong or unknown name."""
    path = folder / teacher
    if not TEACHER_NAME.fullmatch(teacher):
        remedy = f"rename the folder in {folder}, and the teacher in its pairs"
        raise InputError(f"{teacher!r}: not a teacher's name; {NAME_RULE}; {remedy}")
    if not path.is_dir():
        known = sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
        teachers = ", ".join(known) or "none"
        raise InputError(f"{teacher!r}: not found in {folder}, which has a folder for each teacher: {teachers}")
    return path


def read_pairs(folder: Path, teacher: str, paper_ids: Container[str] | None = None) -> list[QAPair]:
    """Read the pairs of `teacher` from `folder`/`teacher`/VENUE_YEAR.jsonl, by year and then in file order.

    Other files, such as the teacher's rejected.jsonl, are not read.

    Raises `InputError` for an unknown teacher, a record that does not fit the format, and a paper that is not in
    `paper_ids`, if they are given.
    """
    pairs = []
    for path in venue_year_files(teacher_folder(folder, teacher), (".jsonl",)):
        for location, pair in read_records(QAPair, path, "correct the pair"):
            if pair.teacher != teacher:
                problem = f"'teacher' is {pair.teacher!r} in the folder of {teacher!r}"
                raise InputError(f"{location}: {problem}; move the pair to the folder of its teacher")
            if paper_ids is not None and pair.paper_id not in paper_ids:
                pair = pair.model_copy(update={"paper_id": normalize_paper_id(pair.paper_id)})
            if paper_ids is not None and pair.paper_id not in paper_ids:
                problem = f"the pair is on the paper {pair.paper_id!r}, which is in no papers file"
                raise InputError(f"{location}: {problem}; add the paper, or remove the pair")
            pairs.append(pair)
    return pairs
