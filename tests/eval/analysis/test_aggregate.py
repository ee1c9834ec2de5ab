"""Test scores by group, differences and agreement against values computed by hand."""

from __future__ import annotations

import pytest

from eval.analysis.aggregate import (
    group_questions,
    length_groups,
    metric_agreement,
    question_kind,
    score_config,
)
from eval.analysis.differences import score_differences
from eval.analysis.scores import MeanScore
from eval.prompting import Answer
from tests.eval.questions import corpus_question

QUESTIONS = [
    corpus_question("What is it?", "one two", paper_id="a", year=2022),
    corpus_question("How much faster is it?", "one two three", paper_id="a", year=2022),
    corpus_question("How is it built?", "one two three four", paper_id="b", year=2023),
]


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("What problem is solved?", "what"),
        ("By how much does it fall?", "how much"),
        ("How many cores are there, and what do they do?", "how much"),
        ("What fraction of misses remains?", "how much"),
        ("In what way, and how, is it built?", "what"),
        ("How does it work?", "how"),
        ("Why is it slow?", "why"),
        ("On which machine?", "which"),
        ("Is it whatever?", "other"),
    ],
)
def test_kind_of_a_question(question: str, kind: str) -> None:
    """The first question word decides; it must be a whole word."""
    assert question_kind(question) == kind


def test_length_groups_are_thirds() -> None:
    """Six lengths in three groups; equal lengths stay together."""
    references = [" ".join(["word"] * count) for count in (1, 2, 3, 4, 5, 9)]
    assert length_groups(references) == ["1-2 words"] * 2 + ["3-4 words"] * 2 + ["5-9 words"] * 2
    assert length_groups(["a b", "c d"]) == ["2 words", "2 words"]


def test_groups_are_in_the_order_of_tables() -> None:
    """Years and lengths ascend by number, kinds have their fixed order; empty groups are left out."""
    by_year, by_kind, by_length = group_questions([corpus_question("Why?", "word " * 10, year=2023), *QUESTIONS])
    assert by_year == {"2022": [1, 2], "2023": [0, 3]}
    assert by_kind == {"how much": [2], "what": [1], "how": [3], "why": [0]}
    assert by_length == {"2 words": [1], "3 words": [2], "4-10 words": [0, 3]}


def test_score_by_hand() -> None:
    """Mean of 0.2, 0.4 and 0.9 is 0.5; by year 0.3 and 0.9; a metric that applies to two questions counts two."""
    scores = score_config(QUESTIONS, {"cosine_similarity": [0.2, 0.4, 0.9], "number_match": [None, 1.0, 0.0]})
    assert (scores.n, scores.papers) == (3, 2)
    similarity = scores.metrics["cosine_similarity"]
    assert (similarity.mean, similarity.low, similarity.n, similarity.papers) == (0.5, None, 3, 2)
    assert similarity.by_year == {
        "2022": MeanScore(mean=0.3, low=None, high=None, n=2, papers=1),
        "2023": MeanScore(mean=0.9, low=None, high=None, n=1, papers=1),
    }
    assert list(similarity.by_kind) == ["how much", "what", "how"]
    assert [group.mean for group in similarity.by_length.values()] == [0.2, 0.4, 0.9]
    assert (scores.metrics["number_match"].n, scores.metrics["number_match"].mean) == (2, 0.5)


def test_cut_answers_are_counted() -> None:
    """Two of three; the count is unknown if an older version stored one of them, and for heuristics."""
    values = {"cosine_similarity": [0.2, 0.4, 0.9]}
    answers = [Answer("a", is_cut=True), Answer("b", is_cut=False), Answer("c", is_cut=True)]
    assert score_config(QUESTIONS, values, answers).cut_answers == 2
    assert score_config(QUESTIONS, values, [*answers[:2], Answer("c")]).cut_answers is None
    assert score_config(QUESTIONS, values).cut_answers is None


def test_intervals_stay_on_the_scale_of_their_metric() -> None:
    """12 answers, most with hardly a word in common with the reference, one right in its numbers; a free scale."""
    questions = [corpus_question(paper_id=str(number)) for number in range(12)]
    overlap = [0.0] * 5 + [0.01, 0.08, 0.1, 0.13, 0.82, 0.9, 1.0]
    metrics = score_config(
        questions,
        {
            "cosine_similarity": overlap,
            "number_match": [1.0] + [0.0] * 11,
            "rouge_l": overlap,
            "cross_encoder": overlap,
        },
    ).metrics
    assert metrics["cross_encoder"].high > 1.5
    assert [metrics[name].high for name in ("cosine_similarity", "rouge_l")] == [1, 1]
    assert 0 < metrics["rouge_l"].low == metrics["cross_encoder"].low
    assert 0 < metrics["number_match"].low < 1 / 12 < metrics["number_match"].high < 0.5


def test_answers_that_are_missing_do_not_count() -> None:
    """An upper bound that answers one question of three."""
    scores = score_config(QUESTIONS, {"cosine_similarity": [None, None, 0.9]})
    assert (scores.n, scores.papers, scores.metrics["cosine_similarity"].mean) == (1, 1, 0.9)


def test_differences_by_hand() -> None:
    """Six papers: 2 of 64 patterns reach a difference of one sign. Holm counts one comparison, and separately two."""
    questions = [corpus_question(paper_id=str(number)) for number in range(6)]
    differences = score_differences(
        questions, {"x": [0.5] * 6, "y": [0.25] * 6}, {"heuristic": [0.75, 0.75, 0.75, 0.75, 0.75, None]}
    )
    assert [(one.first, one.second, one.mean, one.n) for one in differences] == [
        ("x", "y", 0.25, 6),
        ("x", "heuristic", -0.25, 5),
        ("y", "heuristic", -0.5, 5),
    ]
    assert [one.p for one in differences] == [2 / 64, 2 / 32, 2 / 32]
    assert [one.p_corrected for one in differences] == [2 / 64, 4 / 32, 4 / 32]
    assert [(one.standard_error, one.detectable, one.p_equivalent) for one in differences] == [(None, None, 1)] * 3


def test_power_of_differences_by_hand() -> None:
    """Twelve papers, and differences of 0.1 and -0.1 in turn: their standard error is 0.1 / sqrt(11) = 0.030151.

    Student's quantiles for 11 degrees of freedom are 2.593 for 2.5 % in two comparisons, and 0.876 for 80 %. The end
    of the margin is 0.02 / 0.030151 = 0.6633 standard errors away, which leaves 0.2604 beyond. Holm doubles it.
    """
    questions = [corpus_question(paper_id=str(number)) for number in range(12)]
    (one, _) = score_differences(questions, {"x": [0.6, 0.4] * 6}, {"a": [0.5] * 12, "b": [0.5] * 12})
    assert one.standard_error == 0.030151
    assert one.detectable == pytest.approx(0.030151 * (2.593 + 0.876), abs=2e-5)
    assert one.p_equivalent == pytest.approx(2 * 0.2604, abs=1e-3)
    assert not one.is_different and not one.is_equivalent


def test_agreement_by_hand() -> None:
    """ROUGE-L ranks the answers in the opposite order, so the correlation is -1; the systems likewise."""
    values = {
        "x": {"cosine_similarity": [0.1, 0.2], "rouge_l": [0.9, 0.8], "length_ratio": [1.0, 1.0]},
        "y": {"cosine_similarity": [0.3, 0.4], "rouge_l": [0.7, 0.6], "length_ratio": [1.0, 1.0]},
    }
    agreement = metric_agreement(values)
    assert agreement.spearman["cosine_similarity"] == {"rouge_l": -1.0}
    assert agreement.order == {"cosine_similarity": ["y", "x"], "rouge_l": ["x", "y"]}
