"""Make examples from the pairs of a corpus: right answers, and wrong ones by the kinds of error."""

import random
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence

from dataset_builder.corpus.questions import CorpusQuestion
from dataset_builder.files import sha256_of_text
from dataset_builder.verification.errors.by_kind import RULES, wrong_answers
from dataset_builder.verification.errors.material import Material
from dataset_builder.verification.example import ErrorKind, Example
from dataset_builder.verification.rewording import reword

# Answers on other papers that a rule may choose from.
FOREIGN_ANSWERS = 8


def make_examples(
    questions: Sequence[CorpusQuestion], seed: int, per_label: int = 2, left_out: Collection[ErrorKind] = ()
) -> list[Example]:
    """Return for each question right answers, and as many wrong ones: at most `per_label` of each label.

    The first right answer is the reference answer, and the others are rewordings of it. The wrong ones are made from
    the reference or from a rewording, so that the wording does not give the label away. Of the kinds that a question
    allows, the one with the fewest examples so far comes first; kinds in `left_out` are not made. The same questions,
    seed and numbers give the same examples.
    """
    by_paper: dict[str, list[CorpusQuestion]] = defaultdict(list)
    for question in questions:
        by_paper[question.paper_id].append(question)
    counts: Counter[ErrorKind] = Counter()
    examples = []
    for question in questions:
        # A choice of its own for each question, so that adding a paper changes no other paper's rewordings.
        choice = random.Random(sha256_of_text(f"{seed}\n{question.paper_id}\n{question.question}"))
        others = [other.answer for other in by_paper[question.paper_id] if other.question != question.question]
        foreign = _foreign_answers(questions, question.paper_id, choice)
        right = list(
            dict.fromkeys([question.answer, *(reword(question.answer, choice) for _ in range(per_label - 1))])
        )
        wrong: dict[str, tuple[ErrorKind, int]] = {}
        for kind in sorted(RULES.keys() - set(left_out), key=lambda kind: (counts[kind], kind)):
            if len(wrong) == len(right):
                break
            answer = choice.choice(right)
            material = Material(question.context, question.question, answer, others, foreign)
            found = [candidate for candidate in wrong_answers(kind, material) if candidate not in {*right, *wrong}]
            if found:
                chosen = choice.choice(found)
                wrong[chosen] = kind, _same_until(answer, chosen)
                counts[kind] += 1
        beginning = (question.paper_id, question.context, question.question)
        examples += [Example(*beginning, answer, None, len(answer)) for answer in right[: len(wrong)]]
        examples += [Example(*beginning, answer, *error) for answer, error in wrong.items()]
    return examples


def _foreign_answers(questions: Sequence[CorpusQuestion], paper_id: str, choice: random.Random) -> list[str]:
    drawn = (questions[choice.randrange(len(questions))] for _ in range(FOREIGN_ANSWERS))
    return [question.answer for question in drawn if question.paper_id != paper_id]


def _same_until(first: str, second: str) -> int:
    """Return how many characters two texts have in common at their beginning."""
    different = (number for number, (one, other) in enumerate(zip(first, second, strict=False)) if one != other)
    return next(different, min(len(first), len(second)))
