"""Join papers and pairs into rows, and assign them to train, validation and test by year and by a hash of the id."""

from collections import Counter
from collections.abc import Iterable, Mapping

from dataset_builder.corpus.pairs import QAPair
from dataset_builder.corpus.papers import Paper
from dataset_builder.corpus.rows import CorpusRow
from dataset_builder.errors import InputError
from dataset_builder.files import sha256_of_text
from dataset_builder.prompt import INSTRUCTION
from dataset_builder.text import normalize_question

FIRST_TEST_YEAR = 2022
SPLITS = ("train", "validation", "test")


def split_of_paper(paper_id: str, year: int) -> str:
    """Return "train", "validation" or "test".

    Papers from 2022 on are test papers. One in ten earlier papers is a validation paper, chosen by the first 32 bits
    of the SHA-256 of its id: no paper is in two splits, and adding papers moves none.
    """
    if year >= FIRST_TEST_YEAR:
        return "test"
    in_validation = int(sha256_of_text(paper_id)[:8], 16) % 10 == 0
    return "validation" if in_validation else "train"


def corpus_rows(
    papers: Mapping[str, Paper],
    train_pairs: Iterable[QAPair],
    test_pairs: Iterable[QAPair],
    train_teacher: str,
    test_teacher: str,
) -> tuple[dict[str, list[CorpusRow]], dict[str, Counter[str]]]:
    """Join pairs with their papers (by paper_id) and assign them to the splits.

    Train and validation get the training teacher's pairs on papers before the first test year. Test gets the test
    teacher's pairs on the later papers.

    Returns the rows of each split in the order of the pairs, and the dropped pairs: for "train" (the training
    teacher's pairs) and for "test" (the test teacher's) a count by reason. Raises `InputError` if a split is empty.
    """
    rows: dict[str, list[CorpusRow]] = {split: [] for split in SPLITS}
    dropped: dict[str, Counter[str]] = {"train": Counter(), "test": Counter()}
    for role, pairs in (("train", train_pairs), ("test", test_pairs)):
        questions: set[tuple[str, str]] = set()
        for pair in pairs:
            paper = papers[pair.paper_id]
            split = split_of_paper(paper.paper_id, paper.year)
            question = (pair.paper_id, normalize_question(pair.question))
            if paper.abstract is None:
                dropped[role]["the paper has no abstract"] += 1
            elif (split == "test") != (role == "test"):
                years = "a test year" if role == "train" else "a training year"
                dropped[role][f"the paper is from {years}"] += 1
            elif question in questions:
                dropped[role]["the question is asked twice about the paper"] += 1
            else:
                questions.add(question)
                rows[split].append(
                    CorpusRow(
                        instruction=INSTRUCTION,
                        context=paper.abstract,
                        context_sha256=sha256_of_text(paper.abstract),
                        question=pair.question,
                        answer=pair.answer,
                        paper_id=paper.paper_id,
                        title=paper.title,
                        year=paper.year,
                        paper_url=paper.paper_url,
                        teacher=pair.teacher,
                    )
                )
    for split in SPLITS:
        if not rows[split]:
            teacher, years = (test_teacher, "from") if split == "test" else (train_teacher, "before")
            raise InputError(
                f"the split {split!r} would be empty: the teacher {teacher!r} has no pair on a paper {years} "
                f"{FIRST_TEST_YEAR} that belongs to it; choose a teacher that has one, or add papers"
            )
    return rows, dropped
