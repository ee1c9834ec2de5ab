"""Check pairs mechanically, and give the reason for each rejection."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dataset_builder.corpus.manifest import Response
from dataset_builder.corpus.papers import Paper
from dataset_builder.generate.responses import PaperResult
from dataset_builder.generate.schema import ParseError, parse_response
from dataset_builder.grounding import nearest_sentence_similarities, unsupported_names, unsupported_numbers
from dataset_builder.teachers.teacher import Limits
from dataset_builder.text import ngrams, normalize_question, words

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

# An answer whose share of words that are not in the question is lower repeats the question. The lowest share in 2,579
# real pairs was 0.35.
LEAST_NEW_WORDS = 0.25
LEAST_QUESTION_WORDS = 3
# A question contains a question word, or begins with an auxiliary verb. All 2,579 real questions do.
QUESTION_WORDS = frozenset("what how why which who whom whose when where".split())  # noqa: SIM905
QUESTION_OPENINGS = frozenset("is are was were do does did has have had can could will would should may might".split())  # noqa: SIM905
# Not "...": a teacher ends so where it breaks off. No real answer does.
SENTENCE_ENDING = re.compile(r"(?<![.\u2026])[.!][\"'\u201d\u2019)\]]*$")

NOT_ASKED = "the paper could not be asked"
NOT_PARSED = "no response parsed"
REPEATS_WITHIN = "the question repeats within the paper"
REPEATS_ACROSS = "the question repeats across the corpus"
NOT_CLOSE = "the answer is close to no sentence of the abstract"


@dataclass(frozen=True)
class Problem:
    """The reason for a rejection, and `detail` as the evidence."""

    reason: str
    detail: str = ""


@dataclass(frozen=True)
class CheckedPair:
    """A pair with the seed of its response; it is accepted if it has no `problem`.

    If no response on a paper could be parsed, `responses` has all responses, and there is no pair.
    """

    paper: Paper
    problem: Problem | None
    question: str = ""
    answer: str = ""
    seed: int | None = None
    responses: list[Response] | None = None


def check_results(
    results: Sequence[tuple[Paper, PaperResult]], limits: Limits, encoder: "SentenceTransformer", threshold: float
) -> list[CheckedPair]:
    """Return the accepted and the rejected pairs of `results`, in the order of the papers.

    Questions are compared only among pairs that pass all other checks, and the first of equal questions is kept. So
    neither the order of generation nor a rejected pair decides which pair is kept.
    """
    pairs = [pair for paper, result in results for pair in _check_paper(paper, result, limits)]
    passing = [pair for pair in pairs if not pair.problem]
    abstracts = [pair.paper.abstract or "" for pair in passing]
    similarities = iter(nearest_sentence_similarities(encoder, [pair.answer for pair in passing], abstracts))
    checked: list[CheckedPair] = []
    paper_of_question: dict[str, str] = {}
    for pair in pairs:
        problem = pair.problem
        if not problem:
            similarity = next(similarities)
            question = normalize_question(pair.question)
            first_paper = paper_of_question.get(question)
            if similarity < threshold:
                problem = Problem(NOT_CLOSE, f"similarity {similarity}, at least {threshold} is required")
            elif first_paper == pair.paper.paper_id:
                problem = Problem(REPEATS_WITHIN)
            elif first_paper is not None:
                problem = Problem(REPEATS_ACROSS, f"asked of {first_paper}")
            else:
                paper_of_question[question] = pair.paper.paper_id
        checked.append(replace(pair, problem=problem))
    return checked


def _check_paper(paper: Paper, result: PaperResult, limits: Limits) -> list[CheckedPair]:
    """Return the pairs of one paper, after the checks that need no other pair and no encoder."""
    if result.failure:
        return [CheckedPair(paper, Problem(NOT_ASKED, result.failure), responses=result.responses)]
    response = result.responses[-1]
    try:
        pairs = parse_response(response.text, limits)
    except ParseError as error:
        return [CheckedPair(paper, Problem(NOT_PARSED, str(error)), responses=result.responses)]
    source = source_text(paper)
    return [
        CheckedPair(
            paper, find_problem(question, answer, source, limits), question.strip(), answer.strip(), response.seed
        )
        for question, answer in pairs
    ]


def source_text(paper: Paper) -> str:
    """Return the text that must support an answer: title and abstract."""
    return f"{paper.title}. {paper.abstract}"


def find_problem(question: str, answer: str, source: str, limits: Limits) -> Problem | None:
    """Return the first problem of a pair that needs no encoder and no other pair to be found, or None.

    `question` and `answer` are as the teacher wrote them; spaces count for the length, since a text that fills its
    limit with spaces was cut off, too. `source` is title and abstract.
    """
    question_length, answer_length = len(question), len(answer)
    question, answer = question.strip(), answer.strip()
    asked, answered = words(question), set(words(answer))
    asks = not QUESTION_OPENINGS.isdisjoint(asked[:1]) or not QUESTION_WORDS.isdisjoint(asked)
    new = len(answered - set(asked))
    repeated = next((" ".join(ngram) for ngram, count in Counter(ngrams(answer)).items() if count > 1), "")
    numbers, names = unsupported_numbers(answer, source), unsupported_names(answer, source)
    few_new_words = new < LEAST_NEW_WORDS * len(answered)
    for applies, reason, detail in (
        (not question, "the question is empty", ""),
        (not answer, "the answer is empty", ""),
        # The schema cuts a text off at its limit, and then makes it end as a question or a string must.
        (question_length >= limits.question_characters, "the question is over-long", f"{question_length} characters"),
        (answer_length >= limits.answer_characters, "the answer is over-long", f"{answer_length} characters"),
        (not question.endswith("?"), "not a question", "no question mark at the end"),
        (len(question.split()) < LEAST_QUESTION_WORDS, "not a question", f"fewer than {LEAST_QUESTION_WORDS} words"),
        (not asks, "not a question", "no question word"),
        (not SENTENCE_ENDING.search(answer), "the answer does not end as a sentence", f"...{answer[-20:]}"),
        (few_new_words, "the answer repeats the question", f"{new} of {len(answered)} words are new"),
        (repeated, "the answer repeats itself", repeated),
        (numbers, "the answer has a number that the abstract does not have", ", ".join(numbers)),
        (names, "the answer has a name that the abstract does not have", ", ".join(names)),
    ):
        if applies:
            return Problem(reason, detail)
    return None
