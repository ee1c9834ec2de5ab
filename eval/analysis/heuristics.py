"""Compute heuristic baselines and upper bounds: answers made without a model, to compare the systems with."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dataset_builder.corpus.questions import CorpusQuestion
from dataset_builder.text import sentences
from eval.analysis.scores import HeuristicKind
from eval.metrics.embedding import Encoder


@dataclass(frozen=True)
class Heuristic:
    """A heuristic baseline or an upper bound on one config: its answer to each question, None if it has none."""

    name: str
    kind: HeuristicKind
    answers: list[str | None]


def compute_heuristics(
    asked: Mapping[str, Sequence[CorpusQuestion]], corpus: Mapping[str, Sequence[CorpusQuestion]], encoder: Encoder
) -> dict[str, list[Heuristic]]:
    """Return the heuristics for the questions `asked` of each config; `encoder` defines "nearest".

    `corpus` holds all questions by config; `asked` may be a sample of them. A heuristic baseline needs no training and
    no reference answer. An upper bound uses what a model does not have: the reference answer, or another teacher's
    answer to the most similar question on the same paper. A heuristic that answers nothing is left out: a corpus with
    one test teacher does not have another teacher's answers.
    """
    heuristics: dict[str, list[Heuristic]] = {}
    for config, questions in asked.items():
        others = [question for name, other in corpus.items() if name != config for question in other]
        baselines: dict[str, Sequence[str | None]] = {
            "question repeated": [question.question for question in questions],
            "first sentence": [sentences(question.context)[0] for question in questions],
            "nearest sentence to the question": [
                _nearest(question.question, sentences(question.context), encoder) for question in questions
            ],
            "other answer of the year": _other_answers(questions, corpus[config]),
        }
        bounds: dict[str, Sequence[str | None]] = {
            "nearest sentence to the reference": [
                _nearest(question.answer, sentences(question.context), encoder) for question in questions
            ],
            "other teacher's answer": _other_teacher_answers(questions, others, encoder),
        }
        kinds: tuple[tuple[HeuristicKind, dict[str, Sequence[str | None]]], ...] = (
            ("heuristic baseline", baselines),
            ("upper bound", bounds),
        )
        heuristics[config] = [
            Heuristic(name, kind, list(answers))
            for kind, by_name in kinds
            for name, answers in by_name.items()
            if any(answer is not None for answer in answers)
        ]
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
