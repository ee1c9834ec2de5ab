"""Scores, their parts and differences, by hand."""

from __future__ import annotations

import pytest

from eval.analysis.aggregate import agreement, differences, length_groups, question_kind, score

ROWS = [
    {"paper_id": "a", "year": 2022, "question": "What is it?", "answer": "one two"},
    {"paper_id": "a", "year": 2022, "question": "How much faster is it?", "answer": "one two three"},
    {"paper_id": "b", "year": 2023, "question": "How is it built?", "answer": "one two three four"},
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
    """The question word that comes first decides, a whole word."""
    assert question_kind(question) == kind


def test_length_groups_are_thirds() -> None:
    """Six lengths in three groups; equal lengths stay together."""
    references = [" ".join(["word"] * count) for count in (1, 2, 3, 4, 5, 9)]
    assert length_groups(references) == ["1-2 words"] * 2 + ["3-4 words"] * 2 + ["5-9 words"] * 2
    assert length_groups(["a b", "c d"]) == ["2 words", "2 words"]


def test_score_by_hand() -> None:
    """Mean of 0.2, 0.4 and 0.9 is 0.5; by year 0.3 and 0.9; a measure that applies to two counts two."""
    entry = score(ROWS, {"cosine_similarity": [0.2, 0.4, 0.9], "number_match": [None, 1.0, 0.0]})
    assert (entry["n"], entry["papers"]) == (3, 2)
    similarity = entry["cosine_similarity"]
    assert similarity["mean"] == 0.5 and "low" not in similarity
    assert similarity["by_year"] == {
        "2022": {"n": 2, "papers": 1, "mean": 0.3},
        "2023": {"n": 1, "papers": 1, "mean": 0.9},
    }
    assert list(similarity["by_kind"]) == ["how much", "what", "how"]
    assert [of["mean"] for of in similarity["by_length"].values()] == [0.2, 0.4, 0.9]
    assert (entry["number_match"]["n"], entry["number_match"]["mean"]) == (2, 0.5)


def test_intervals_stay_on_the_scale_of_their_measure() -> None:
    """12 answers, most with hardly a word in common with the reference, one right in its numbers; a free scale."""
    rows = [{"paper_id": str(number), "year": 2022, "question": "What?", "answer": "one"} for number in range(12)]
    overlap = [0.0] * 5 + [0.01, 0.08, 0.1, 0.13, 0.82, 0.9, 1.0]
    entry = score(
        rows,
        {
            "cosine_similarity": overlap,
            "number_match": [1.0] + [0.0] * 11,
            "rouge_l": overlap,
            "cross_encoder": overlap,
        },
    )
    assert entry["cross_encoder"]["high"] > 1.5
    assert [entry[measure]["high"] for measure in ("cosine_similarity", "rouge_l")] == [1, 1]
    assert 0 < entry["rouge_l"]["low"] == entry["cross_encoder"]["low"]
    assert 0 < entry["number_match"]["low"] < 1 / 12 < entry["number_match"]["high"] < 0.5


def test_answers_that_are_missing_do_not_count() -> None:
    """A ceiling that answers one question of three."""
    entry = score(ROWS, {"cosine_similarity": [None, None, 0.9]})
    assert (entry["n"], entry["papers"], entry["cosine_similarity"]["mean"]) == (1, 1, 0.9)


def test_differences_by_hand() -> None:
    """Three comparisons on six papers: 2 of 64 patterns reach a difference of one sign, 1/32, times 3 by Holm."""
    rows = [{"paper_id": str(number)} for number in range(6)]
    found = differences(rows, {"x": [0.5] * 6, "y": [0.25] * 6}, {"floor": [0.75, 0.75, 0.75, 0.75, 0.75, None]})
    assert [(one["first"], one["second"], one["mean"], one["n"]) for one in found] == [
        ("x", "y", 0.25, 6),
        ("x", "floor", -0.25, 5),
        ("y", "floor", -0.5, 5),
    ]
    assert [one["p"] for one in found] == [2 / 64, 2 / 32, 2 / 32]
    assert [one["p_corrected"] for one in found] == [6 / 64, 4 / 32, 4 / 32]


def test_agreement_by_hand() -> None:
    """ROUGE-L ranks the answers the other way round: -1, and the models, too."""
    measured = {
        "x": {"cosine_similarity": [0.1, 0.2], "rouge_l": [0.9, 0.8], "length_ratio": [1.0, 1.0]},
        "y": {"cosine_similarity": [0.3, 0.4], "rouge_l": [0.7, 0.6], "length_ratio": [1.0, 1.0]},
    }
    found = agreement(measured)
    assert found["spearman"]["cosine_similarity"] == {"rouge_l": -1.0}
    assert found["order"] == {"cosine_similarity": ["y", "x"], "rouge_l": ["x", "y"]}
