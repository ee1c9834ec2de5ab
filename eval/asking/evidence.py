"""Cite the sentences of an abstract that are nearest to an answer, and name what the abstract does not have."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dataset_builder.corpus.questions import CorpusQuestion
from dataset_builder.formats import FileFormat
from dataset_builder.grounding.check import unsupported_numbers
from dataset_builder.grounding.names import unsupported_names
from dataset_builder.text import sentence_spans, sentences

if TYPE_CHECKING:
    from eval.metrics.embedding import Encoder


class CitedSentence(FileFormat):
    """A sentence of an abstract: abstract[start:end] is its `text`, `score` its similarity (-1 to 1) to the answer."""

    start: int
    end: int
    text: str
    score: float


class CitedAnswer(FileFormat):
    """A line of `eval answer --json`: an answer with its `evidence`, in the order of the abstract.

    `abstract` is the name of its file. `unsupported` has the numbers and names of the answer that neither the abstract
    nor the question has; numbers in words are written in digits. The check is mechanical: an answer with an
    empty list can be wrong.
    """

    abstract: str
    question: str
    answer: str
    evidence: list[CitedSentence]
    unsupported: list[str]


@dataclass(frozen=True)
class AnswerEvidence:
    """The cited sentences of an answer, and its numbers and names that neither abstract nor question has."""

    cited: list[CitedSentence]
    unsupported: list[str]


def collect_evidence(
    questions: Mapping[str, Sequence[CorpusQuestion]],
    answers: Mapping[str, Mapping[str, Sequence[str]]],
    encoder: "Encoder",
) -> dict[str, dict[str, list[AnswerEvidence]]]:
    """Return the evidence of the answers, which are by config and system, in the same order."""
    evidence: dict[str, dict[str, list[AnswerEvidence]]] = {}
    for config, by_name in answers.items():
        texts = [answer for given in by_name.values() for answer in given]
        texts += dict.fromkeys(question.context for question in questions[config])
        encoder.encode(sentence for text in texts for sentence in sentences(text))
        evidence[config] = {
            name: [
                AnswerEvidence(
                    cite_sentences(answer, question.context, encoder),
                    unsupported_parts(answer, question.context, question.question),
                )
                for question, answer in zip(questions[config], given, strict=True)
            ]
            for name, given in by_name.items()
        }
    return evidence


def cite_sentences(answer: str, abstract: str, encoder: "Encoder") -> list[CitedSentence]:
    """Return for each sentence of the answer the nearest sentence of the abstract, each once.

    The score of a sentence is its highest similarity to a sentence of the answer. An empty answer has no evidence.
    """
    if not answer.strip():
        return []
    spans = sentence_spans(abstract)
    # Line breaks of a file are not part of what a sentence means.
    texts = [" ".join(abstract[start:end].split()) for start, end in spans]
    similarities = encoder.embed(sentences(answer)) @ encoder.embed(texts).T
    scores: dict[int, float] = {}
    for row in similarities:
        nearest = int(row.argmax())
        scores[nearest] = max(float(row[nearest]), scores.get(nearest, -1.0))
    return [
        CitedSentence(start=start, end=end, text=abstract[start:end], score=round(min(scores[number], 1.0), 4))
        for number, (start, end) in enumerate(spans)
        if number in scores
    ]


def unsupported_parts(answer: str, abstract: str, question: str) -> list[str]:
    """Return the numbers and names of the answer that neither the abstract nor the question has, each once."""
    source = f"{abstract}\n\n{question}"
    return list(dict.fromkeys([*unsupported_numbers(answer, source), *unsupported_names(answer, source)]))
