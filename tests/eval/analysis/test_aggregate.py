"""Test scores by year and differences against values computed by hand."""

from __future__ import annotations

from dataclasses import replace

from eval.analysis.aggregate import score_config, score_differences
from eval.analysis.scores import MeanScore
from eval.prompting import Answer
from tests.eval.questions import corpus_question

QUESTIONS = [
    corpus_question("What is it?", "one two", paper_id="a", year=2022),
    corpus_question("How much faster is it?", "one two three", paper_id="a", year=2022),
    corpus_question("How is it built?", "one two three four", paper_id="b", year=2023),
]


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
    assert (scores.metrics["number_match"].n, scores.metrics["number_match"].mean) == (2, 0.5)


def test_kinds_of_questions_are_scored_apart() -> None:
    """Kinds a, b, a with 0.2, 0.4 and 0.9: 0.55 and 0.4; with one kind there is nothing to compare."""
    questions = [replace(one, kind=kind) for one, kind in zip(QUESTIONS, "aba", strict=True)]
    by_kind = score_config(questions, {"cosine_similarity": [0.2, 0.4, 0.9]}).metrics["cosine_similarity"].by_kind
    assert {kind: (score.mean, score.n) for kind, score in by_kind.items()} == {"a": (0.55, 2), "b": (0.4, 1)}
    assert score_config(QUESTIONS, {"cosine_similarity": [0.2, 0.4, 0.9]}).metrics["cosine_similarity"].by_kind == {}


def test_cut_answers_are_counted() -> None:
    """Two of three; heuristics have no count."""
    values = {"cosine_similarity": [0.2, 0.4, 0.9]}
    answers = [Answer("a", is_cut=True), Answer("b", is_cut=False), Answer("c", is_cut=True)]
    assert score_config(QUESTIONS, values, answers).cut_answers == 2
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
            "other": overlap,
        },
    ).metrics
    assert metrics["other"].high > 1.5
    assert [metrics[name].high for name in ("cosine_similarity", "rouge_l")] == [1, 1]
    assert 0 < metrics["rouge_l"].low == metrics["other"].low
    assert 0 < metrics["number_match"].low < 1 / 12 < metrics["number_match"].high < 0.5


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
