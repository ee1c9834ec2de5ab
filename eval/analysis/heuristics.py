"""Compute heuristic baselines and upper bounds: answers made without a model, to compare the systems with."""

import hashlib
from collections.abc import Mapping, Sequence

from dataset_builder.corpus.questions import CorpusQuestion
from dataset_builder.text import sentences
from eval.analysis.scores import HeuristicKind
from eval.metrics.embedding import Encoder

# The other heuristics are heuristic baselines.
UPPER_BOUNDS = ("nearest sentence to the reference", "other teacher's answer")


def heuristic_kind(name: str) -> HeuristicKind:
    """Return the kind of the heuristic `name`."""
    return "upper bound" if name in UPPER_BOUNDS else "heuristic baseline"


def compute_heuristics(
    asked: Mapping[str, Sequence[CorpusQuestion]], corpus: Mapping[str, Sequence[CorpusQuestion]], encoder: Encoder
) -> dict[str, dict[str, Sequence[str | None]]]:
    """Return the answers of each heuristic to the questions `asked`, by config and name; `encoder` defines "nearest".

    `corpus` holds all questions by config; `asked` may be a sample of them. A heuristic baseline needs no training and
    no reference answer. An upper bound uses what a model does not have: the reference answer, or another teacher's
    answer to the most similar question on the same paper. A heuristic that answers nothing is left out: a corpus with
    one test teacher does not have another teacher's answers.
    """
    heuristics = {}
    for config, questions in asked.items():
        others = [question for name, other in corpus.items() if name != config for question in other]
        split = [sentences(question.context) for question in questions]
        pairs = list(zip(questions, split, strict=True))
        answers: dict[str, Sequence[str | None]] = {
            "question repeated": [question.question for question in questions],
            "first sentence": [context[0] for context in split],
            "nearest sentence to the question": [_nearest(one.question, context, encoder) for one, context in pairs],
            "other answer of the year": _other_answers(questions, corpus[config]),
            "nearest sentence to the reference": [_nearest(one.answer, context, encoder) for one, context in pairs],
            "other teacher's answer": _other_teacher_answers(questions, others, encoder),
        }
        heuristics[config] = {
            name: given for name, given in answers.items() if any(answer is not None for answer in given)
        }
    return heuristics


def _nearest(text: str, candidates: list[str], encoder: Encoder) -> str:
    similarities = encoder.embed(candidates) @ encoder.embed([text])[0]
    return candidates[int(similarities.argmax())]


def _other_answers(questions: Sequence[CorpusQuestion], corpus: Sequence[CorpusQuestion]) -> list[str | None]:
    """Return for each question the reference answer on another paper of the year, chosen by a hash of both."""

    def draw(question: CorpusQuestion, other: CorpusQuestion) -> str:
        seed = "\n".join((question.paper_id, question.question, other.paper_id, other.question))
        return hashlib.sha256(seed.encode()).hexdigest()

    answers: list[str | None] = []
    for question in questions:
        others = [other for other in corpus if other.year == question.year and other.paper_id != question.paper_id]
        chosen = min(((draw(question, other), other.answer) for other in others), default=None)
        answers.append(chosen[1] if chosen else None)
    return answers


def _other_teacher_answers(
    questions: Sequence[CorpusQuestion], others: Sequence[CorpusQuestion], encoder: Encoder
) -> list[str | None]:
    """Return for each question the other teacher's answer to its most similar question on the same paper."""
    by_paper: dict[str, dict[str, str]] = {}
    for other in others:
        by_paper.setdefault(other.paper_id, {}).setdefault(other.question, other.answer)
    return [
        paper[_nearest(question.question, list(paper), encoder)]
        if (paper := by_paper.get(question.paper_id))
        else None
        for question in questions
    ]
