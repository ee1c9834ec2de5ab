"""Compute heuristic baselines and upper bounds: answers made without a model, to compare the systems with."""

from collections.abc import Mapping, Sequence
from itertools import chain

from dataset_builder.corpus.questions import CorpusQuestion
from dataset_builder.files import sha256_of_text
from dataset_builder.text import sentences
from eval.analysis.scores import HeuristicKind
from eval.metrics.embedding import Encoder
from eval.question_sample import sample_questions

# The other answer of a year is one of at most so many, a fixed sample of a larger year: each question looks at all.
CANDIDATES = 500
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
        answers: dict[str, Sequence[str | None]] = {
            "question repeated": [question.question for question in questions],
            "first sentence": [context[0] for context in split],
            "nearest sentence to the question": _nearest([one.question for one in questions], split, encoder),
            "other answer of the year": _other_answers(questions, corpus[config]),
            "nearest sentence to the reference": _nearest([one.answer for one in questions], split, encoder),
            "other teacher's answer": _other_teacher_answers(questions, others, encoder),
        }
        heuristics[config] = {
            name: given for name, given in answers.items() if any(answer is not None for answer in given)
        }
    return heuristics


def _nearest(texts: Sequence[str], candidates: Sequence[list[str]], encoder: Encoder) -> list[str]:
    """Return the nearest of each text's candidates."""
    encoder.encode(chain(texts, *candidates))
    similarities = [encoder.embed(own) @ encoder.embed([text])[0] for text, own in zip(texts, candidates, strict=True)]
    return [own[int(scores.argmax())] for own, scores in zip(candidates, similarities, strict=True)]


def _other_answers(questions: Sequence[CorpusQuestion], corpus: Sequence[CorpusQuestion]) -> list[str | None]:
    """Return for each question the reference answer on another paper of the year, chosen by a hash of both."""
    by_year: dict[int, list[CorpusQuestion]] = {}
    for other in corpus:
        by_year.setdefault(other.year, []).append(other)
    candidates = {year: sample_questions(others, CANDIDATES) for year, others in by_year.items()}
    answers: list[str | None] = []
    for question in questions:
        own = f"{question.paper_id}\n{question.question}"
        draws = [
            (sha256_of_text(f"{own}\n{other.paper_id}\n{other.question}"), other.answer)
            for other in candidates[question.year]
            if other.paper_id != question.paper_id
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
    shared = [question for question in questions if question.paper_id in by_paper]
    candidates = [list(by_paper[question.paper_id]) for question in shared]
    nearest = _nearest([question.question for question in shared], candidates, encoder)
    answers = {question: by_paper[question.paper_id][other] for question, other in zip(shared, nearest, strict=True)}
    return [answers.get(question) for question in questions]
