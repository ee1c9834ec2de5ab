"""Take right answers to something else: another question on the abstract, or a question on another paper."""

from dataset_builder.text import sentences
from dataset_builder.verification.errors.material import Material, overlap

# Two texts with a smaller share of words in common say different things.
DIFFERENT = 0.35
LEAST_WORDS = 6


def answers_to_other_questions(material: Material) -> list[str]:
    """Return sentences of the abstract, and answers on it, that do not answer the question."""
    candidates = [*material.other_answers, *sentences(material.context)]
    return [
        candidate
        for candidate in dict.fromkeys(candidates)
        if len(candidate.split()) >= LEAST_WORDS
        and overlap(candidate, material.answer) < DIFFERENT
        and overlap(material.question, candidate) < DIFFERENT
    ]


def answers_on_other_papers(material: Material) -> list[str]:
    """Return the answers on other papers that have few words in common with the right answer."""
    return [
        answer
        for answer in dict.fromkeys(material.foreign_answers)
        if overlap(answer, material.answer) < DIFFERENT and overlap(answer, material.context) < 1
    ]
