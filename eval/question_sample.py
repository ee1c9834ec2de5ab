"""Choose the questions to answer: a fixed random sample, and the share of each process of `accelerate launch`."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

from dataset_builder.corpus.questions import CorpusQuestion
from dataset_builder.files import sha256_of_text

if TYPE_CHECKING:
    from datasets import Dataset


def sample_questions(questions: Sequence[CorpusQuestion], count: int | None) -> list[CorpusQuestion]:
    """Return `count` of the questions in their order, chosen by hashes of paper and question; None returns all.

    Every paper gives one question before any gives a second, for questions on one paper tell less than questions on
    several. The order of the papers depends on their ids only, so samples of two configs are on the same papers, and
    each abstract is read once for both. A smaller sample is a part of a larger one.
    """
    chosen = _choose(
        [question.paper_id for question in questions], [question.question for question in questions], count
    )
    return [questions[number] for number in chosen]


def sample_pairs(split: "Dataset", count: int) -> list[int]:
    """Return the numbers of the pairs of a corpus split that `sample_questions` chooses; no abstract is read."""
    return _choose(split["paper_id"][:], split["question"][:], count)


def _choose(papers: Sequence[str], questions: Sequence[str], count: int | None) -> list[int]:
    by_paper: dict[str, list[int]] = {}
    for number in sorted(range(len(questions)), key=lambda number: sha256_of_text(questions[number])):
        by_paper.setdefault(papers[number], []).append(number)
    in_order = [by_paper[paper] for paper in sorted(by_paper, key=sha256_of_text)]
    by_turn = [number for turn in zip_longest(*in_order) for number in turn if number is not None]
    return sorted(by_turn[:count])


def shard(questions: Sequence[CorpusQuestion], process: int, processes: int) -> list[CorpusQuestion]:
    """Return the questions that `process` answers: abstracts with all their questions, dealt out longest first."""
    abstracts = sorted({question.context for question in questions}, key=lambda text: (-len(text), text))
    own = set(abstracts[process::processes])
    return [question for question in questions if question.context in own]
