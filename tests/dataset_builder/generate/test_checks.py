"""The checks of a pair, on cases worked out by hand."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from dataset_builder.corpus.manifest import Response
from dataset_builder.corpus.papers import Paper
from dataset_builder.generate import checks
from dataset_builder.generate.checks import MeasureSimilarities, check_results, find_problem
from dataset_builder.generate.responses import PaperResult
from dataset_builder.grounding.check import THRESHOLD, nearest_sentence_similarities
from dataset_builder.models.encoders import load_embed
from dataset_builder.models.folders import EncoderFolder
from dataset_builder.teachers.teacher import Limits, read_teacher

LIMITS = Limits(
    least_pairs=2, most_pairs=3, question_characters=60, answer_characters=120, new_tokens=1000, attempts=2
)
NO_SENTENCE = "the answer does not end as a sentence"
FOREIGN = " that the abstract does not have"
OTHER_NUMBER, OTHER_NAME = f"the answer has a number{FOREIGN}", f"the answer has a name{FOREIGN}"
SOURCE = "Tracer: small caches. Tracer shrinks a cache by 2.50x and costs 1,024 bytes. It was run on two GPUs."


@pytest.mark.parametrize(
    ("question", "answer", "reason"),
    [
        ("How far does Tracer shrink a cache?", "It shrinks the cache by 2.5\u00d7.", None),
        ("", "It shrinks the cache.", "the question is empty"),
        ("How far does Tracer shrink a cache?", "", "the answer is empty"),
        (f"Why {'very ' * 12}small?", "Since the cache shrinks.", "the question is over-long"),
        ("Why is it small?", f"Since it {'very ' * 24}shrinks.", "the answer is over-long"),
        ("Tracer shrinks a cache.", "It shrinks the cache by 2.5\u00d7.", "not a question"),
        ("Tracer shrinks a cache?", "It shrinks the cache by 2.5\u00d7.", "not a question"),
        (f"Why {'so ' * 16}so soon?", "Since the cache shrinks.", "the question is over-long"),
        # 120 characters with the spaces at the end, which reach the limit.
        ("Why is it small?", f"{'Since it shrinks.':120}", "the answer is over-long"),
        ("How far does Tracer shrink a cache?", "It shrinks the cache by 2.5\u00d7 and co", NO_SENTENCE),
        ("How far does Tracer shrink a cache?", "It shrinks the cache by 2.5\u00d7 and...", NO_SENTENCE),
        ("How far does Tracer shrink a cache?", "It shrinks the cache by 2.5\u00d7 \u2026.", NO_SENTENCE),
        # Only the word "it" is new: 1 of 6.
        ("Does Tracer shrink a small cache?", "Does it shrink a small cache.", "the answer repeats the question"),
        (
            "Why is it small?",
            f"{'So that a run of eight words is there, ' * 2}twice.",
            "the answer repeats itself",
        ),
        ("How far does Tracer shrink a cache?", "It shrinks the cache by 3x.", OTHER_NUMBER),
        ("How far does Tracer shrink a cache?", "Like Kraken it makes the cache small.", OTHER_NAME),
        (
            "How does it compare with Kraken?",
            "It shrinks the cache by 2.5\u00d7.",
            f"the question has a name{FOREIGN}",
        ),
        (
            "How far does it shrink a cache?",
            "It shrinks the cache\0 by 2.5\u00d7.",
            f"the answer has characters{FOREIGN}",
        ),
        (
            "How far does it shrink a cache?",
            "It shrinks the cache by \u043c 2.5\u00d7.",
            f"the answer has characters{FOREIGN}",
        ),
        (
            "How far does it shrink a cache?",
            "By 2.5\u00d7, with \u03bc \u00b5 \u00e4 \u2013 \u201cso\u201d\nin time.",
            None,
        ),
        ("How far does it shrink a cache?", "It shrinks the <b>cache</b> by 2.5\u00d7.", "the answer has markup"),
        ("How far does {{ title }} shrink a cache?", "It shrinks it by 2.5\u00d7.", "the question has markup"),
        ("How far does ... shrink a cache?", "It shrinks it by 2.5\u00d7.", "the question leaves words out"),
        ("Does it shrink? How far does it shrink?", "It shrinks a cache by 2.5\u00d7.", "not a question"),
        ("How far does it shrink a cache?", "By 2.5\u00d7, as a<b and c>d & so on.", None),
        ("What are the three benefits?", "It shrinks the cache by 2.5\u00d7.", None),
    ],
)
def test_problem_of_one_pair(question: str, answer: str, reason: str | None) -> None:
    """One case for each reason that needs no other pair, and a pair that passes."""
    problem = find_problem(question, answer, SOURCE, LIMITS)
    assert (problem.reason if problem else None) == reason


def finished(paper: Paper, *pairs: tuple[str, str], failure: str | None = None) -> tuple[Paper, PaperResult]:
    """Return a paper with a response of `pairs`."""
    text = json.dumps([{"question": question, "answer": answer} for question, answer in pairs])
    responses = [] if failure else [Response(seed=1, text=text, finish_reason="stop", tokens=10)]
    return paper, PaperResult(
        paper_id=paper.paper_id, request_sha256="0", made_by="a test", responses=responses, failure=failure
    )


def paper(number: int, abstract: str) -> Paper:
    """Return a paper of 2020."""
    return Paper(
        paper_id=f"10.1/{number}",
        title=f"Paper {number}",
        year=2020,
        venue="isca",
        paper_url=f"https://x/{number}",
        abstract=abstract,
    )


@pytest.fixture(scope="module")
def measure(encoder: Path) -> MeasureSimilarities:
    """Return the similarities by the packaged encoder."""
    return partial(nearest_sentence_similarities, load_embed(EncoderFolder(str(encoder), encoder)))


def test_accepted_and_rejected_pairs_are_in_the_order_of_the_papers(measure: MeasureSimilarities) -> None:
    """Questions are compared among accepted pairs only: a rejected pair does not block a later one."""
    first = paper(1, "Caches hold data that the core needs soon. They lose their data without power.")
    second = paper(2, "Queues hold packets until a link is free. A full queue drops packets.")
    third = paper(3, "Queues hold packets until a link is free.")
    what, when = "What do they hold?", "When do they drop?"
    packets = "Queues hold packets until a link is free."
    unread = [
        Response(seed=1, text="no", finish_reason="stop", tokens=1),
        Response(seed=2, text="", finish_reason="stop", tokens=1),
    ]
    checked = check_results(
        [
            finished(first, (what, "It is fine today in the mountains."), (what, "Caches hold data needed soon.")),
            finished(second, (what, packets), (when, "A full queue drops packets.")),
            finished(third, (when, "Queues hold packets until"), ("what do they  HOLD at all: ?", packets)),
            finished(third, ("What do queues hold?", packets), ("What do queues hold?", packets)),
            finished(third, failure="too long"),
            (third, PaperResult(paper_id="10.1/3", request_sha256="0", made_by="a test", responses=unread)),
        ],
        read_teacher("gemma").model_copy(update={"limits": LIMITS}),
        measure,
        THRESHOLD,
    )
    accepted = [pair for pair in checked if not pair.problem]
    rejected = [pair for pair in checked if pair.problem]
    assert [(pair.paper.paper_id, pair.question) for pair in accepted] == [
        ("10.1/1", what),
        ("10.1/2", when),
        ("10.1/3", "what do they  HOLD at all: ?"),
        ("10.1/3", "What do queues hold?"),
    ]
    assert [(item.paper.paper_id, item.problem.reason, item.responses) for item in rejected] == [
        ("10.1/1", checks.NOT_CLOSE, None),
        ("10.1/2", checks.REPEATS_ACROSS, None),
        ("10.1/3", "the answer does not end as a sentence", None),
        ("10.1/3", checks.REPEATS_WITHIN, None),
        ("10.1/3", checks.NOT_ASKED, []),
        ("10.1/3", checks.NOT_PARSED, unread),
    ]
    assert rejected[1].problem.detail == "asked of 10.1/1"
