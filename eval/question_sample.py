"""Choose the questions to answer: a fixed random sample, and the share of each process of `accelerate launch`."""

from collections.abc import Sequence

from dataset_builder.corpus.questions import CorpusQuestion
from dataset_builder.files import sha256_of_text


def sample_questions(questions: Sequence[CorpusQuestion], count: int | None) -> list[CorpusQuestion]:
    """Return `count` of the questions in their order, chosen by a hash of paper and question; None returns all.

    The choice depends on nothing else: a smaller sample is a part of a larger one.
    """
    draws = [sha256_of_text(f"{question.paper_id}\n{question.question}") for question in questions]
    chosen = sorted(range(len(questions)), key=draws.__getitem__)[:count]
    return [questions[number] for number in sorted(chosen)]


def shard(questions: Sequence[CorpusQuestion], process: int, processes: int) -> list[CorpusQuestion]:
    """Return the questions that `process` answers: abstracts with all their questions, dealt out longest first."""
    abstracts = sorted({question.context for question in questions}, key=lambda text: (-len(text), text))
    own = set(abstracts[process::processes])
    return [question for question in questions if question.context in own]
