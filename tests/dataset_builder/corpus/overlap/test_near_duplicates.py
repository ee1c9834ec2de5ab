"""Near-duplicates: test texts that share half of their two-word runs with a training text on another paper."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from dataset_builder.corpus.build import build
from dataset_builder.corpus.overlap.contamination import NearDuplicates
from dataset_builder.corpus.overlap.near_duplicates import PaperQuote, count_near_duplicates
from dataset_builder.corpus.report import read_corpus_report
from tests.conftest import append

# Six words, so five runs of two words.
QUESTION = "How much energy does Cachet save?"


@pytest.mark.parametrize(
    ("text", "is_near_duplicate"),
    [
        (QUESTION, True),
        ("how  much ENERGY does cachet save", True),
        # Four of six runs are common, then three of six (the border), three of seven, and two of seven.
        ("How much energy does Cachet need?", True),
        ("How much energy does it?", True),
        ("How much energy does it need?", False),
        ("How much energy is saved?", False),
        ("Save Cachet does energy much how?", False),
        ("Cachet", False),
        ("", False),
    ],
)
def test_half_of_the_runs(text: str, is_near_duplicate: bool) -> None:
    """Counted by hand, beside a training text that shares one run."""
    train = [PaperQuote("10.1/a", QUESTION), PaperQuote("10.1/b", "How much does it cost?")]
    assert count_near_duplicates([PaperQuote("10.1/c", text)], train) == int(is_near_duplicate)


def test_texts_on_the_same_paper_do_not_count() -> None:
    """The same words on one other paper are enough."""
    test = [PaperQuote("10.1/a", QUESTION)]
    assert count_near_duplicates(test, [PaperQuote("10.1/a", QUESTION)]) == 0
    assert count_near_duplicates(test, [PaperQuote("10.1/a", QUESTION), PaperQuote("10.1/b", QUESTION)]) == 1


def test_texts_of_one_word_are_compared_as_a_whole() -> None:
    """They have no run of two words."""
    test = [PaperQuote("10.1/a", "Why?"), PaperQuote("10.1/b", "How?")]
    assert count_near_duplicates(test, [PaperQuote("10.1/c", "why")]) == 1


def test_search_finds_what_comparing_all_pairs_finds() -> None:
    """On 400 random texts of few words, many of them at the border."""
    random = Random(7)

    def texts(paper: str) -> Iterator[PaperQuote]:
        for number in range(200):
            words = random.choices("abcdefghij", k=random.randint(2, 9))
            yield PaperQuote(f"{paper}{number}", " ".join(words))

    test, train = list(texts("test")), list(texts("train"))

    def similarity(first: str, second: str) -> float:
        runs, others = ({*pairwise(text.split())} for text in (first, second))
        return len(runs & others) / len(runs | others)

    expected = sum(any(similarity(one.text, other.text) >= 0.5 for other in train) for one in test)
    assert 0 < expected < len(test)
    assert count_near_duplicates(test, train) == expected


def test_report_card_and_terminal_have_the_counts(sources: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By hand: "Question 1 on A Test?" shares three of five runs with the one on A Train, and the abstract 8 of 12."""
    from dataset_builder.__main__ import parser
    from dataset_builder.corpus.build import run_command

    pair = {"paper_id": "10.1/test", "teacher": "u", "question": "How large are caches?", "answer": "Small."}
    append(sources / "qa/u/isca_2023.jsonl", pair)
    out = sources / "corpus"
    words = ["build", "--papers", str(sources / "papers"), "--qa", str(sources / "qa"), "--train-teacher", "t"]
    run_command(parser().parse_args([*words, "--test-teachers", "u", "--out", str(out)]))
    counts = read_corpus_report(out).contamination["u"]
    assert counts.near_duplicate_questions == NearDuplicates(texts=3, near_duplicates=2)
    assert counts.near_duplicate_contexts == NearDuplicates(texts=1, near_duplicates=1)
    line = "Test texts of u with a near-duplicate in train: 2 of 3 questions, 1 of 1 contexts"
    assert line in capsys.readouterr().out
    card = (out / "README.md").read_text()
    assert "| questions of `u` | 3 | 2 |\n| contexts of `u` | 1 | 1 |\n" in card


def test_report_without_the_counts_can_still_be_pushed(sources: Path) -> None:
    """A report of an older version has no such keys; the card leaves the table out."""
    import json

    from dataset_builder.corpus.publication.card import corpus_card

    build(sources / "papers", sources / "qa", "t", ["u"], sources / "corpus", "other")
    path = sources / "corpus/report.json"
    report = json.loads(path.read_text())
    for key in ("near_duplicate_questions", "near_duplicate_contexts"):
        del report["contamination"]["u"][key]
    path.write_text(json.dumps(report))
    assert "near-duplicate" not in corpus_card(sources / "corpus", "lab/isca-qa", "other")
