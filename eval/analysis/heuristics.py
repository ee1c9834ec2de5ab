"""Floors and ceilings: answers that need no model, to hold models against."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any

from eval.metrics.embedding import Encoder

# A sentence ends at a full stop, question or exclamation mark before a space and a capital, digit or opening mark,
# but not after an initial or an abbreviation that is usual in abstracts.
SENTENCE_END = re.compile(r"(?<!\b[A-Z]\.)(?<!e\.g\.)(?<!i\.e\.)(?<!vs\.)(?<!et al\.)(?<=[.?!])\s+(?=[\"'(A-Z0-9])")


@dataclass(frozen=True)
class Reference:
    """One floor or ceiling on one config: what it answers to each question, None where it has no answer."""

    name: str
    kind: str
    answers: list[str | None]


def compute_heuristics(
    asked: dict[str, list[dict[str, Any]]], corpus: dict[str, list[dict[str, Any]]], encoder: Encoder
) -> dict[str, list[Reference]]:
    """Return the floors and ceilings to the rows `asked` of each config, floors first; "nearest" is by `encoder`.

    `corpus` holds all rows by config, of which those asked may be a sample. A floor needs no training and no reference
    answer. A ceiling takes what a model does not have: the reference answer, or another teacher. The other teacher's
    answer is the one to its question nearest the row's question, on the same paper; a corpus with one test teacher has
    no such ceiling.
    """
    found = {}
    for config, rows in asked.items():
        others = [row for other, of_other in corpus.items() if other != config for row in of_other]
        found[config] = [
            Reference("question repeated", "floor", [row["question"] for row in rows]),
            Reference("first sentence", "floor", [sentences(row["context"])[0] for row in rows]),
            Reference("nearest sentence to the question", "floor", _nearest_sentences(rows, "question", encoder)),
            Reference("other answer of the year", "floor", _other_answers(rows, corpus[config])),
            Reference("nearest sentence to the reference", "ceiling", _nearest_sentences(rows, "answer", encoder)),
        ]
        of_other_teacher = _other_teacher(rows, others, encoder)
        if any(answer is not None for answer in of_other_teacher):
            found[config].append(Reference("other teacher's answer", "ceiling", of_other_teacher))
    return found


def sentences(text: str) -> list[str]:
    """Return the sentences of an abstract; the whole text where no end of one is found."""
    return [part for part in SENTENCE_END.split(text.strip()) if part] or [text]


def _nearest_sentences(rows: list[dict[str, Any]], column: str, encoder: Encoder) -> list[str | None]:
    return [_nearest(row[column], sentences(row["context"]), encoder) for row in rows]


def _nearest(text: str, candidates: list[str], encoder: Encoder) -> str:
    similarities = encoder.embed(candidates) @ encoder.embed([text])[0]
    return candidates[int(similarities.argmax())]


def _other_answers(rows: list[dict[str, Any]], corpus: list[dict[str, Any]]) -> list[str | None]:
    """Return for each row the reference answer on another paper of the year, chosen by a hash of both rows."""

    def draw(row: dict[str, Any], other: dict[str, Any]) -> str:
        seed = "\n".join(str(of[key]) for of in (row, other) for key in ("paper_id", "question"))
        return hashlib.sha256(seed.encode()).hexdigest()

    answers: list[str | None] = []
    for row in rows:
        others = [other for other in corpus if other["year"] == row["year"] and other["paper_id"] != row["paper_id"]]
        answers.append(min(others, key=lambda other: draw(row, other))["answer"] if others else None)
    return answers


def _other_teacher(rows: list[dict[str, Any]], others: list[dict[str, Any]], encoder: Encoder) -> list[str | None]:
    by_paper: dict[str, dict[str, str]] = {}
    for other in others:
        by_paper.setdefault(other["paper_id"], {}).setdefault(other["question"], other["answer"])
    return [
        of_paper[_nearest(row["question"], list(of_paper), encoder)]
        if (of_paper := by_paper.get(row["paper_id"]))
        else None
        for row in rows
    ]
