"""The checks of a pair, each with the reason that it rejects for; and a corpus of responses sorted by them."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dataset_builder.corpus.contamination import ngrams
from dataset_builder.corpus.papers import Paper
from dataset_builder.generate.journal import Attempt, Finished
from dataset_builder.generate.schema import Limits, ParseError, parse_response
from dataset_builder.grounding import nearest_sentence_similarities, unsupported_names, unsupported_numbers

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

# An answer of which fewer of its words than this share are new says the question over again. Of 2,579 real pairs none
# had less than 0.35.
LEAST_NEW_WORDS = 0.25
LEAST_QUESTION_WORDS = 3
# A question holds one of these or begins with one of those. All 2,579 real questions do.
QUESTION_WORDS = frozenset("what how why which who whom whose when where".split())  # noqa: SIM905
QUESTION_OPENINGS = frozenset("is are was were do does did has have had can could will would should may might".split())  # noqa: SIM905
ENDS_A_SENTENCE = re.compile(r"[.!][\"'\u201d\u2019)\]]*$")

NOT_ASKED = "the paper could not be asked"
NOT_PARSED = "no response parsed"
REPEATS_WITHIN = "the question repeats within the paper"
REPEATS_ACROSS = "the question repeats across the corpus"
NOT_CLOSE = "the answer is close to no sentence of the abstract"


@dataclass(frozen=True)
class Candidate:
    """A pair as its teacher wrote it, the paper it is on, and the response it comes from."""

    paper: Paper
    question: str
    answer: str
    attempt: Attempt


@dataclass(frozen=True)
class Rejected:
    """What was rejected and why: a pair, or (`candidate` None) all responses on a paper. `detail` is the evidence."""

    paper: Paper
    reason: str
    detail: str
    candidate: Candidate | None = None
    attempts: list[Attempt] = field(default_factory=list)


def check_responses(
    results: list[tuple[Paper, Finished]], limits: Limits, encoder: SentenceTransformer, threshold: float
) -> tuple[list[Candidate], list[Rejected]]:
    """Return the pairs that pass every check, and what was rejected, both in the order of `results`.

    Whether a question repeats is seen among the pairs that pass everything else, the first of them staying, so that
    neither the order of generation nor a rejected pair decides it.
    """
    passed: list[tuple[int, Candidate]] = []
    rejected: list[tuple[int, Rejected]] = []
    place = 0
    for paper, result in results:
        if result.failure:
            rejected.append((place := place + 1, Rejected(paper, NOT_ASKED, result.failure)))
            continue
        try:
            pairs = parse_response(result.attempts[-1].text, limits)
        except ParseError as error:
            rejected.append((place := place + 1, Rejected(paper, NOT_PARSED, str(error), None, result.attempts)))
            continue
        for question, answer in pairs:
            candidate = Candidate(paper, question.strip(), answer.strip(), result.attempts[-1])
            found = reject_by_rule(question, answer, f"{paper.title}. {paper.abstract}", limits)
            place += 1
            if found:
                rejected.append((place, Rejected(paper, *found, candidate)))
            else:
                passed.append((place, candidate))

    similarities = nearest_sentence_similarities(
        encoder, [candidate.answer for _, candidate in passed], [candidate.paper.abstract for _, candidate in passed]
    )
    accepted: list[Candidate] = []
    asked: dict[str, str] = {}
    for (place, candidate), similarity in zip(passed, similarities, strict=True):
        found = None
        key = question_key(candidate.question)
        if similarity < threshold:
            found = NOT_CLOSE, f"similarity {similarity}, at least {threshold} is asked for"
        elif key in asked:
            within = asked[key] == candidate.paper.paper_id
            found = (REPEATS_WITHIN, "") if within else (REPEATS_ACROSS, f"asked of {asked[key]}")
        else:
            asked[key] = candidate.paper.paper_id
        if found:
            rejected.append((place, Rejected(candidate.paper, *found, candidate)))
        else:
            accepted.append(candidate)
    return accepted, [rejection for _, rejection in sorted(rejected, key=lambda item: item[0])]


def reject_by_rule(question: str, answer: str, source: str, limits: Limits) -> tuple[str, str] | None:
    """Return why a pair is to be rejected, as reason and evidence; None where no rule rejects it.

    These are the rules that need no encoder and no other pair. `question` and `answer` are as the teacher wrote them,
    since a text that fills its limit with space was cut, too; `source` is title and abstract.
    """
    question_characters, answer_characters = len(question), len(answer)
    question, answer = question.strip(), answer.strip()
    new, of = new_words(question, answer)
    runs = Counter(ngrams(answer))
    repeated = next((" ".join(run) for run, count in runs.items() if count > 1), "")
    numbers, names = unsupported_numbers(answer, source), unsupported_names(answer, source)
    for holds, reason, detail in (
        (not question, "the question is empty", ""),
        (not answer, "the answer is empty", ""),
        # A text that fills its limit was cut there by the schema, whatever it was made to end with.
        (
            question_characters >= limits.question_characters,
            "the question is over-long",
            f"{question_characters} characters",
        ),
        (answer_characters >= limits.answer_characters, "the answer is over-long", f"{answer_characters} characters"),
        (not question.endswith("?"), "not a question", "no question mark at the end"),
        (len(question.split()) < LEAST_QUESTION_WORDS, "not a question", f"fewer than {LEAST_QUESTION_WORDS} words"),
        (not _asks(question), "not a question", "no question word"),
        (not ENDS_A_SENTENCE.search(answer), "the answer does not end as a sentence", f"...{answer[-20:]}"),
        (new < LEAST_NEW_WORDS * of, "the answer repeats the question", f"{new} of {of} words are new"),
        (repeated, "the answer repeats itself", repeated),
        (numbers, "the answer has a number that the abstract does not hold", ", ".join(numbers)),
        (names, "the answer names what the abstract does not", ", ".join(names)),
    ):
        if holds:
            return reason, detail
    return None


def _asks(question: str) -> bool:
    words = _words(question)
    return not QUESTION_OPENINGS.isdisjoint(words[:1]) or not QUESTION_WORDS.isdisjoint(words)


def question_key(question: str) -> str:
    """Return the question as it is compared: its words and numbers in lower case."""
    return " ".join(_words(question))


def new_words(question: str, answer: str) -> tuple[int, int]:
    """Return how many of the answer's different words the question does not hold, and how many there are."""
    words = set(_words(answer))
    return len(words - set(_words(question))), len(words)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())
