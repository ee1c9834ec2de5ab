"""The rows of one corpus config: papers joined with pairs, and dealt out to the splits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from dataset_builder.corpus.pairs import Pair
from dataset_builder.corpus.papers import Paper
from dataset_builder.corpus.splits import FIRST_TEST_YEAR, SPLITS, split_of
from dataset_builder.errors import InputError
from dataset_builder.files import sha256_of_text
from dataset_builder.prompt import INSTRUCTION

Row = dict[str, str | int]
PAPERS_OF = {
    "train": f"before {FIRST_TEST_YEAR} that is for training",
    "validation": f"before {FIRST_TEST_YEAR} that is for validation, as one in ten is by a hash of its id",
    "test": f"from {FIRST_TEST_YEAR} on",
}


def corpus_rows(
    papers: Iterable[Paper],
    train_pairs: Iterable[Pair],
    train_teacher: str,
    test_pairs: Iterable[Pair],
    test_teacher: str,
) -> tuple[dict[str, list[Row]], dict[str, Counter[str]]]:
    """Join pairs with their papers and deal them out to the splits.

    Train and validation take the training teacher's pairs on papers before the first test year, test takes the test
    teacher's on the later papers.

    Returns the rows of each split in the order of the pairs, and the pairs left out: for "train" (the training
    teacher's) and for "test" (the test teacher's) a count by reason. Raises `InputError` for a pair of an unknown
    paper, and when a split would be empty.
    """
    by_id = {paper.paper_id: paper for paper in papers}
    rows: dict[str, list[Row]] = {split: [] for split in SPLITS}
    dropped: dict[str, Counter[str]] = {}
    for role, teacher, pairs in (("train", train_teacher, train_pairs), ("test", test_teacher, test_pairs)):
        reasons = dropped[role] = Counter()
        asked: set[tuple[str, str]] = set()
        for pair in pairs:
            paper = by_id.get(pair.paper_id)
            if paper is None:
                raise InputError(
                    f"{pair.place}: the pair is on the paper {pair.paper_id!r}, which no papers file holds; "
                    "add the paper, or remove the pair"
                )
            split = split_of(paper.paper_id, paper.year)
            question = (pair.paper_id, normalised(pair.question))
            if paper.abstract is None:
                reasons["the paper has no abstract"] += 1
            elif (split == "test") != (role == "test"):
                reasons["the paper is of a test year" if role == "train" else "the paper is of a training year"] += 1
            elif question in asked:
                reasons["the question repeats within the paper"] += 1
            else:
                asked.add(question)
                rows[split].append(_row(paper, pair, teacher))
    for split in SPLITS:
        if not rows[split]:
            teacher = test_teacher if split == "test" else train_teacher
            raise InputError(
                f"the split {split!r} would be empty: the teacher {teacher!r} has no pair on a paper "
                f"{PAPERS_OF[split]}; give a teacher that has some, or more papers"
            )
    return rows, dropped


def normalised(question: str) -> str:
    """Return the question as it is compared: in lower case, with single spaces."""
    return " ".join(question.lower().split())


def _row(paper: Paper, pair: Pair, teacher: str) -> Row:
    return {
        "instruction": INSTRUCTION,
        "context": paper.abstract,
        "context_sha256": sha256_of_text(paper.abstract),
        "question": pair.question,
        "answer": pair.answer,
        "paper_id": paper.paper_id,
        "title": paper.title,
        "year": paper.year,
        "paper_url": paper.paper_url,
        "teacher": teacher,
    }
