"""The checks of a pair, on cases worked out by hand, and the check of support on the sample."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.corpus.papers import Paper
from dataset_builder.errors import InputError
from dataset_builder.generate import checks
from dataset_builder.generate.calibrate import calibrate
from dataset_builder.generate.checks import check_responses, reject_by_rule
from dataset_builder.generate.journal import Attempt, Finished
from dataset_builder.generate.schema import Limits, ParseError, least_new_tokens, parse_response
from dataset_builder.grounding import THRESHOLD, numbers, sentences, unsupported_names, unsupported_numbers
from tests.conftest import SAMPLE, append

LIMITS = Limits(
    least_pairs=2, most_pairs=3, question_characters=60, answer_characters=120, new_tokens=1000, attempts=2
)
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
        ("Does Tracer shrink a cache?", "It shrinks the cache by 2.5\u00d7.", None),
        # 58 characters, and 60, which is the limit.
        (f"Why {'so ' * 16}so so?", "Since the cache shrinks.", None),
        (f"Why {'so ' * 16}so soon?", "Since the cache shrinks.", "the question is over-long"),
        ("...?", "It shrinks the cache by 2.5\u00d7.", "not a question"),
        # 120 characters with the spaces at the end, which pad_dataset the limit.
        ("Why is it small?", f"{'Since it shrinks.':120}", "the answer is over-long"),
        ("Why is it small?", f"{'Since it shrinks.':119}", None),
        ("How far does Tracer shrink a cache?", "It shrinks the cache by 2.5\u00d7 and co", "the answer does not end"),
        ("How far does Tracer shrink a cache?", "How far does a cache shrink?", "the answer does not end"),
        # Of its words only "it" is new: 1 of 6.
        ("Does Tracer shrink a small cache?", "Does it shrink a small cache.", "the answer repeats the question"),
        (
            "Why is it small?",
            f"{'So that a run of eight words stands there, ' * 2}twice.",
            "the answer repeats itself",
        ),
        ("How far does Tracer shrink a cache?", "It shrinks the cache by 3x.", "the answer has a number"),
        ("How far does Tracer shrink a cache?", "Like Kraken it makes the cache small.", "the answer names"),
    ],
)
def test_rule(question: str, answer: str, reason: str | None) -> None:
    """One case for each reason that needs no other pair, and a pair that passes."""
    found = reject_by_rule(question, answer, SOURCE, LIMITS)
    assert (found is None) if reason is None else found[0].startswith(reason)


def test_numbers_are_compared_by_value() -> None:
    """Thousands, zeros at the end, percent and times make no difference; words for small numbers count."""
    assert numbers("1,024 bytes, 2.50x, 33%, .5 and 007") == {"1024", "2.5", "33", "0.5", "7"}
    assert unsupported_numbers("2 GPUs, 1024 bytes, 2.5\u00d7", SOURCE) == []
    assert unsupported_numbers("3 GPUs, 10 bytes, 2.51x", SOURCE) == ["10", "2.51", "3"]
    assert unsupported_numbers("It halves it: 50%.", "The cost falls by half.") == []
    assert unsupported_numbers("It is three times faster.", "It is 2 times as fast.") == ["3"]
    assert unsupported_numbers("It is three times faster, and one wins.", "It is 3x as fast.") == []


@pytest.mark.parametrize(
    ("text", "unsupported"),
    [
        ("A GPU runs Tracer.", []),
        ("The cost is low. Small caches win.", []),
        ("It takes 128GB.", []),
        ("It runs on an FPGA beside GPUs.", ["FPGA"]),
        ("It is compared with Kraken and ShortCut.", ["Kraken", "ShortCut"]),
    ],
)
def test_names_are_those_of_the_source(text: str, unsupported: list[str]) -> None:
    """A capital at the beginning of a sentence makes no name; a plural is its singular."""
    assert unsupported_names(text, SOURCE) == unsupported


def test_names_written_in_another_way_are_held() -> None:
    """An acronym by its initials, and a name in one word."""
    source = "A field programmable gate array runs the Task Flow compiler."
    assert unsupported_names("On an FPGA the TaskFlow compiler wins.", source) == []
    assert unsupported_names("On an FPGX it wins.", source) == ["FPGX"]


def test_name_within_a_word_is_not_held() -> None:
    """Intel is not in "intelligent", nor across the end of a word: a name is one to three whole words in a row."""
    source = "An intelligent scheduler lowers voltage; metadata is kept. The task flows."
    text = "It runs on Intel chips with Volta cores and Meta data, MetaData and HeTask."
    assert unsupported_names(text, source) == ["Intel", "Volta", "Meta", "HeTask"]


def test_sentences_end_at_a_stop_before_a_capital() -> None:
    """Not at a decimal point, nor at an abbreviation within a sentence."""
    assert sentences("It saves 2.5 J, i.e. half. \u201cWhy?\u201d It rests. (So.)") == [
        *("It saves 2.5 J, i.e. half.", "\u201cWhy?\u201d It rests.", "(So.)"),
    ]


def test_first_list_of_pairs_is_read() -> None:
    """From the text around it, past brackets that are no such list."""
    pair = '{"question": " Why [x]? ", "answer": "So.", "note": 1}'
    text = f"Of [two] kinds, [1, 2]:\n```json\n[{pair}, {pair}]\n```\n[{pair}]"
    assert parse_response(text, LIMITS) == [(" Why [x]? ", "So.")] * 2
    assert parse_response(f'{{"pairs": [{pair}, {pair}]}}', LIMITS) == [(" Why [x]? ", "So.")] * 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no JSON list"),
        ("[]", "no JSON list"),
        ('[{"question": "Why?", "answer": "So."}, {"question": "How?", "ans', "no JSON list"),
        ('[{"question": "Why?", "answer": 1}, {"question": "How?", "answer": "So."}]', "no JSON list"),
        ("[" * 100_000, "no JSON list"),
        ('[{"question": "Why?", "answer": "So."}]', "a list of 1, not of 2 to 3, pairs"),
        (json.dumps([{"question": "Why?", "answer": "So."}] * 4), "a list of 4"),
    ],
)
def test_response_that_is_no_list_of_pairs(text: str, message: str) -> None:
    """Cut off, of another type, too few, too many, too deep."""
    with pytest.raises(ParseError, match=message):
        parse_response(text, LIMITS)


def test_least_budget_is_the_longest_response() -> None:
    """Three pairs of 60 letters and 120 quotation marks, two characters each in JSON, and the token that ends it."""
    longest = json.dumps([{"question": "x" * 60, "answer": '"' * 120}] * 3, separators=(",", ":"))
    assert least_new_tokens(LIMITS) == len(longest) + 1


def finished(paper: Paper, *pairs: tuple[str, str], failure: str | None = None) -> tuple[Paper, Finished]:
    """Return a paper with a response of `pairs`."""
    text = json.dumps([{"question": question, "answer": answer} for question, answer in pairs])
    attempts = [] if failure else [Attempt(1, text, "stop", 10)]
    return paper, Finished(paper.paper_id, "0", "a test", attempts, failure)


def paper(number: int, abstract: str) -> Paper:
    """Return a paper of 2020."""
    return Paper(f"10.1/{number}", f"Paper {number}", 2020, "isca", f"https://x/{number}", abstract)


@pytest.fixture(scope="module")
def model(encoder: Path) -> Any:
    """Return the loaded encoder."""
    from dataset_builder.grounding import load_encoder

    return load_encoder(str(encoder))


def test_corpus_is_sorted_with_reasons_in_the_order_of_the_papers(model: Any) -> None:
    """Repeats count among accepted pairs only: a rejected pair takes no question from a later one."""
    first = paper(1, "Caches hold data that the core needs soon. They lose their data without power.")
    second = paper(2, "Queues hold packets until a link is free. A full queue drops packets.")
    third = paper(3, "Queues hold packets until a link is free.")
    what, when = "What do they hold?", "When do they drop?"
    packets = "Queues hold packets until a link is free."
    unread = [Attempt(1, "no", "stop", 1), Attempt(2, "", "stop", 1)]
    accepted, rejected = check_responses(
        [
            finished(first, (what, "It is fine today in the mountains."), (what, "Caches hold data needed soon.")),
            finished(second, (what, packets), (when, "A full queue drops packets.")),
            finished(third, (when, "Queues hold packets until"), ("what do THEY  hold at all: ?", packets)),
            finished(third, ("What do queues hold?", packets), ("What do queues hold?", packets)),
            finished(third, failure="too long"),
            (third, Finished("10.1/3", "0", "a test", unread)),
        ],
        LIMITS,
        model,
        THRESHOLD,
    )
    assert [(pair.paper.paper_id, pair.question) for pair in accepted] == [
        ("10.1/1", what),
        ("10.1/2", when),
        ("10.1/3", "what do THEY  hold at all: ?"),
        ("10.1/3", "What do queues hold?"),
    ]
    assert [(item.paper.paper_id, item.reason, len(item.attempts)) for item in rejected] == [
        ("10.1/1", checks.NOT_CLOSE, 0),
        ("10.1/2", checks.REPEATS_ACROSS, 0),
        ("10.1/3", "the answer does not end as a sentence", 0),
        ("10.1/3", checks.REPEATS_WITHIN, 0),
        ("10.1/3", checks.NOT_ASKED, 0),
        ("10.1/3", checks.NOT_PARSED, 2),
    ]
    assert rejected[1].detail == "asked of 10.1/1"


def test_calibration_on_the_sample(encoder: Path) -> None:
    """At 1.01 no pair passes; at the best threshold good pairs pass, and those of other papers fail."""
    result = calibrate(SAMPLE / "papers", SAMPLE / "qa", str(encoder), 1.01, seed=0)
    assert (result["pairs"], result["papers"], result["teachers"]) == (184, 48, ["detailed", "plain"])
    assert (result["in_force"]["passing"], result["in_force"]["failing"]) == (0.0, 1.0)
    assert result["best"]["passing"] >= 0.95
    assert result["best"]["failing"] >= 0.95
    assert abs(result["best"]["threshold"] - THRESHOLD) < 0.15


def test_calibration_at_the_threshold_in_force(tmp_path: Path, encoder: Path) -> None:
    """Five answers on two papers, each held against its own abstract and the other's."""
    both = "All of it was written in Rust."
    for number, abstract in enumerate(("Caches hold data in 4 banks.", "A full queue drops its packets.")):
        append(tmp_path / "papers/isca_2020.jsonl", vars(paper(number, f"{abstract} {both}")))
    for number, answer in (
        (0, "Caches hold data in 4 banks."),
        (0, "Bread rises in a warm oven."),
        # As close as the first, with a number that the abstract does not hold.
        (0, "Caches hold data in 8 banks."),
        (1, "A full queue drops its packets."),
        # Supported by the other abstract, too: shuffled, it passes.
        (1, both),
    ):
        pair = {"paper_id": f"10.1/{number}", "teacher": "t", "question": "Why?", "answer": answer}
        append(tmp_path / "qa/t/isca_2020.jsonl", pair)
    result = calibrate(tmp_path / "papers", tmp_path / "qa", str(encoder), THRESHOLD, seed=0)
    assert result["in_force"] == {
        "threshold": THRESHOLD,
        "passing": 0.6,
        "failing": 0.8,
        "passing_by_similarity": 0.8,
        "failing_by_similarity": 0.8,
    }


def test_calibration_needs_two_papers(tmp_path: Path, encoder: Path) -> None:
    """There is nothing to shuffle between."""
    (tmp_path / "t").mkdir()
    record = {"paper_id": "10.1145/3470496.3527382", "teacher": "t", "question": "Why?", "answer": "So."}
    (tmp_path / "t/isca_2022.jsonl").write_text(json.dumps(record) + "\n")
    with pytest.raises(InputError, match="has pairs on 1 of the papers"):
        calibrate(SAMPLE / "papers", tmp_path, str(encoder), THRESHOLD, seed=0)
