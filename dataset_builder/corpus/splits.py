"""Join papers and pairs into rows, and assign them to train, validation and test by year and by a hash of the id."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from dataset_builder.corpus.deduplicate import PaperText, find_copies
from dataset_builder.corpus.pairs import QAPair
from dataset_builder.corpus.papers import Paper
from dataset_builder.corpus.rows import CorpusRow
from dataset_builder.errors import InputError
from dataset_builder.files import sha256_of_text
from dataset_builder.formats import FileFormat
from dataset_builder.prompt import INSTRUCTION
from dataset_builder.text import normalize_question

SPLITS = ("train", "validation", "test")
# The kind of a question whose pair names none.
PLAIN_KIND = "question"


class SplitRule(FileFormat):
    """Papers from `first_test_year` on are test papers; `validation_share` of the earlier ones is for validation."""

    first_test_year: Annotated[int, Field(ge=1000, le=9999)] = 2022
    validation_share: Annotated[float, Field(gt=0, lt=1)] = 0.1


DEFAULT_RULE = SplitRule()


@dataclass(frozen=True)
class JoinedPairs:
    """The rows of each split in the order of the pairs, and what the join decided.

    `dropped` has for "train" (the training teacher's pairs) and for "test" (the test teacher's pairs) a count by
    reason. `validation_fallback` is the paper that was moved from train because validation had none, or None.
    """

    rows: dict[str, list[CorpusRow]]
    dropped: dict[str, Counter[str]]
    validation_fallback: str | None


def hash_of_paper(paper_id: str) -> float:
    """Return a number from 0 to below 1 that decides on validation: the first 32 bits of the SHA-256 of the id.

    The last decimal digit of the 32-bit number becomes the first decimal place of the result; the other digits follow.
    """
    rest, last_digit = divmod(int(sha256_of_text(paper_id)[:8], 16), 10)
    return (last_digit + rest / (2**32 / 10)) / 10


def split_of_paper(paper_id: str, year: int, rule: SplitRule) -> str:
    """Return "train", "validation" or "test".

    An earlier paper is a validation paper if its hash is below the share: no paper is in two splits, and adding
    papers moves none.
    """
    if year >= rule.first_test_year:
        return "test"
    return "validation" if hash_of_paper(paper_id) < rule.validation_share else "train"


def corpus_rows(
    papers: Mapping[str, Paper],
    train_pairs: Collection[QAPair],
    test_pairs: Iterable[QAPair],
    rule: SplitRule,
) -> JoinedPairs:
    """Join pairs with their papers (by paper_id) and assign them to the splits.

    Train and validation get the training teachers' pairs on papers before the first test year. Test gets the test
    teacher's pairs on the later papers. A paper that has another id in a later split is left out of the earlier one.

    Raises `InputError` if a split is empty.
    """
    splits, copies, fallback = _assign(papers, {pair.paper_id for pair in train_pairs}, rule)
    rows: dict[str, list[CorpusRow]] = {split: [] for split in SPLITS}
    dropped: dict[str, Counter[str]] = {"train": Counter(), "test": Counter()}
    for role, pairs in (("train", train_pairs), ("test", test_pairs)):
        questions: set[tuple[str, str]] = set()
        for pair in pairs:
            paper = papers[pair.paper_id]
            question = (pair.paper_id, normalize_question(pair.question))
            if paper.abstract is None:
                dropped[role]["the paper has no abstract"] += 1
                continue
            split = splits[paper.paper_id]
            if (split == "test") != (role == "test"):
                years = "a test year" if role == "train" else "a training year"
                dropped[role][f"the paper is from {years}"] += 1
            elif paper.paper_id in copies:
                dropped[role][f"the same paper has another id in the {copies[paper.paper_id]} split"] += 1
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
                        kind=pair.kind or PLAIN_KIND,
                    )
                )
    for split in SPLITS:
        if not rows[split]:
            role, years = ("test teacher has", "from") if split == "test" else ("training teachers have", "before")
            remedy = "add papers, choose another teacher, or move the border with --first-test-year"
            if split == "train":
                remedy = f"{remedy} (a smaller --validation-share also leaves more papers to it)"
            raise InputError(
                f"the split {split!r} would be empty: the {role} no pair on a paper {years} "
                f"{rule.first_test_year} that belongs to it. A corpus needs two papers before that year and one from "
                f"it on; {remedy}"
            )
    return JoinedPairs(rows, dropped, fallback)


def _assign(
    papers: Mapping[str, Paper], trained: set[str], rule: SplitRule
) -> tuple[dict[str, str], dict[str, str], str | None]:
    """Return the split of each paper with an abstract, the later split of each copy, and the fallback.

    `trained` are the papers with pairs of the training teacher. If validation has none of them, the one with the
    smallest hash is moved from train to validation: the fallback.
    """
    texts = {
        paper.paper_id: PaperText(paper.paper_id, paper.title, paper.abstract)
        for paper in papers.values()
        if paper.abstract is not None
    }
    splits = {paper_id: split_of_paper(paper_id, papers[paper_id].year, rule) for paper_id in texts}

    def texts_of(*names: str) -> list[PaperText]:
        return [texts[paper_id] for paper_id, split in splits.items() if split in names]

    copies = dict.fromkeys(find_copies(texts_of("train", "validation"), texts_of("test")), "test")
    usable = {split: [id_ for id_ in trained - copies.keys() if splits.get(id_) == split] for split in SPLITS}
    fallback = None
    if not usable["validation"] and len(usable["train"]) > 1:
        fallback = min(usable["train"], key=hash_of_paper)
        splits[fallback] = "validation"
    copies = dict.fromkeys(find_copies(texts_of("train"), texts_of("validation")), "validation") | copies
    return splits, copies, fallback
