"""Choose the questions to answer: a fixed random sample, and the share of each process of `accelerate launch`."""

from collections.abc import Sequence
from itertools import zip_longest

from dataset_builder.corpus.questions import CorpusQuestion
from dataset_builder.files import sha256_of_text


def sample_questions(questions: Sequence[CorpusQuestion], count: int | None) -> list[CorpusQuestion]:
    """Return `count` of the questions in their order, chosen by hashes of paper and question; None returns all.

    Every paper gives one question before any gives a second, for questions on one paper tell less than questions on
    several. The order of the papers depends on their ids only, so samples of two configs are on the same papers, and
    each abstract is read once for both. A smaller sample is a part of a larger one.
    """
    by_paper: dict[str, list[int]] = {}
    for number in sorted(range(len(questions)), key=lambda number: sha256_of_text(questions[number].question)):
        by_paper.setdefault(questions[number].paper_id, []).append(number)
    papers = [by_paper[paper] for paper in sorted(by_paper, key=sha256_of_text)]
    by_turn = [number for turn in zip_longest(*papers) for number in turn if number is not None]
    return [questions[number] for number in sorted(by_turn[:count])]


def shard(questions: Sequence[CorpusQuestion], process: int, processes: int) -> list[CorpusQuestion]:
    """Return the questions that `process` answers: abstracts with all their questions, dealt out longest first."""
    abstracts = sorted({question.context for question in questions}, key=lambda text: (-len(text), text))
    own = set(abstracts[process::processes])
    return [question for question in questions if question.context in own]
