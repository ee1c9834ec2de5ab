"""Check pairs mechanically, and give the reason for each rejection."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from dataset_builder.corpus.manifest import Response
from dataset_builder.corpus.papers import Paper
from dataset_builder.generate.characters import ellipses, foreign_characters, markup
from dataset_builder.generate.responses import PaperResult
from dataset_builder.generate.schema import Pair, ParseError, example_pairs, parse_response
from dataset_builder.grounding.check import unsupported_numbers
from dataset_builder.grounding.names import unsupported_names
from dataset_builder.teachers.teacher import Limits, Teacher
from dataset_builder.text import ngrams, normalize_question, words

# Returns the similarity of each answer to the nearest sentence of its abstract, from the answers and their abstracts.
MeasureSimilarities = Callable[[Sequence[str], Sequence[str]], list[float]]

# An answer whose share of words that are not in the question is lower repeats the question. The lowest share in 2,579
# real pairs was 0.35.
LEAST_NEW_WORDS = 0.25
LEAST_QUESTION_WORDS = 3
# A question contains a question word, or begins with an auxiliary verb. All 2,579 real questions do.
QUESTION_WORDS = frozenset("what how why which who whom whose when where".split())  # noqa: SIM905
QUESTION_OPENINGS = frozenset("is are was were do does did has have had can could will would should may might".split())  # noqa: SIM905
# "What are the two parts?" counts what the abstract may list without a number.
COUNT = re.compile(r"\b(?:what|which|the|its) (?:two|three|four|five) ", re.IGNORECASE)
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
    results: Sequence[tuple[Paper, PaperResult]],
    teacher: Teacher,
    measure: MeasureSimilarities,
    threshold: float,
) -> list[CheckedPair]:
    """Return the accepted and the rejected pairs of `results`, in the order of the papers.

    Questions are compared only among pairs that pass all other checks, and the first of equal questions is kept. So
    neither the order of generation nor a rejected pair decides which pair is kept.
    """
    examples = example_pairs(teacher)
    pairs = [pair for paper, result in results for pair in _check_paper(paper, result, teacher.limits, examples)]
    passing = [pair for pair in pairs if not pair.problem]
    abstracts = [pair.paper.abstract or "" for pair in passing]
    similarities = iter(measure([pair.answer for pair in passing], abstracts))
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


def _check_paper(paper: Paper, result: PaperResult, limits: Limits, examples: Collection[Pair]) -> list[CheckedPair]:
    """Return the pairs of one paper, after the checks that need no other pair and no encoder."""
    if result.failure:
        return [CheckedPair(paper, Problem(NOT_ASKED, result.failure), responses=result.responses)]
    response = result.responses[-1]
    try:
        pairs = parse_response(response.text, limits, examples)
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
    return next(_problems(question, answer, source, limits), None)


def _problems(asked: str, answered: str, source: str, limits: Limits) -> Iterator[Problem]:
    question, answer = asked.strip(), answered.strip()
    if not question:
        yield Problem("the question is empty")
    if not answer:
        yield Problem("the answer is empty")
    # The schema cuts a text off at its limit, and then makes it end as a question or a string must.
    if len(asked) >= limits.question_characters:
        yield Problem("the question is over-long", f"{len(asked)} characters")
    if len(answered) >= limits.answer_characters:
        yield Problem("the answer is over-long", f"{len(answered)} characters")
    question_words, answer_words = words(question), set(words(answer))
    if not question.endswith("?"):
        yield Problem("not a question", "no question mark at the end")
    if question.count("?") > 1:
        yield Problem("not a question", "more than one question mark")
    if len(question.split()) < LEAST_QUESTION_WORDS:
        yield Problem("not a question", f"fewer than {LEAST_QUESTION_WORDS} words")
    if QUESTION_OPENINGS.isdisjoint(question_words[:1]) and QUESTION_WORDS.isdisjoint(question_words):
        yield Problem("not a question", "no question word")
    if not SENTENCE_ENDING.search(answer):
        yield Problem("the answer does not end as a sentence", f"...{answer[-20:]}")
    new_words = len(answer_words - set(question_words))
    if new_words < LEAST_NEW_WORDS * len(answer_words):
        yield Problem("the answer repeats the question", f"{new_words} of {len(answer_words)} words are new")
    for ngram, count in Counter(ngrams(answer)).items():
        if count > 1:
            yield Problem("the answer repeats itself", " ".join(ngram))
    for name, text in (("answer", answer), ("question", question)):
        if found := foreign_characters(text, source):
            yield Problem(f"the {name} has characters that the abstract does not have", ", ".join(found))
        if found := markup(text):
            yield Problem(f"the {name} has markup", ", ".join(found))
        if ellipses(text, source):
            yield Problem(f"the {name} leaves words out")
    for name, text in (("answer", answer), ("question", COUNT.sub("the ", question))):
        for kind, found in (("number", unsupported_numbers(text, source)), ("name", unsupported_names(text, source))):
            if found:
                yield Problem(f"the {name} has a {kind} that the abstract does not have", ", ".join(found))
