"""Compute heuristic baselines and upper bounds: answers made without a model, to compare the systems with."""

from collections.abc import Mapping, Sequence

from dataset_builder.corpus.questions import CorpusQuestion
from dataset_builder.files import sha256_of_text
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
    answers: list[str | None] = []
    for question in questions:
        own = f"{question.paper_id}\n{question.question}"
        draws = [
            (sha256_of_text(f"{own}\n{other.paper_id}\n{other.question}"), other.answer)
            for other in corpus
            if other.year == question.year and other.paper_id != question.paper_id
        ]
        answers.append(min(draws)[1] if draws else None)
    return answers


def _other_teacher_answers(
    questions: Sequence[CorpusQuestion], others: Sequence[CorpusQuestion], encoder: Encoder
) -> list[str | None]:
    """Return for each question the other teacher's answer to its most similar question on the same paper."""
    by_paper: dict[str, dict[str, str]] = {}
    for other in others:
        by_paper.setdefault(other.paper_id, {}).setdefault(other.question, other.answer)
    papers = [by_paper.get(question.paper_id) for question in questions]
    return [
        paper[_nearest(question.question, list(paper), encoder)] if paper else None
        for question, paper in zip(questions, papers, strict=True)
    ]
