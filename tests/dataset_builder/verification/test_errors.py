"""Rules that make wrong answers: one test or more for each kind, with an abstract and answers written for it."""

import pytest

from dataset_builder.verification.errors.by_kind import RULES, wrong_answers
from dataset_builder.verification.errors.material import Material
from dataset_builder.verification.example import ERROR_KINDS, ErrorKind

ABSTRACT = (
    "Large caches waste power. Zebra turns off idle ways because most programs use few of them. It needs 3 KB of "
    "state. On 12 workloads, Zebra cuts energy by 40% on average and runs 1.5x faster than Drowsy; with the help of "
    "Otter, misses fall by 25% compared to a static partition."
)


def _wrong(kind: ErrorKind, answer: str, **material: object) -> list[str]:
    return wrong_answers(kind, Material(ABSTRACT, "How well does Zebra do?", answer, **material))  # type: ignore[arg-type]


def test_every_kind_but_the_one_of_authors_has_a_rule() -> None:
    """No rule can make a plausible addition."""
    assert set(ERROR_KINDS) - RULES.keys() == {"unsupported"}


def test_number_changed() -> None:
    """To a number with as many decimals that neither abstract nor question has; the abstract has a 3."""
    expected = [f"It is {number}x faster." for number in ("0.8", "1.0", "2.1")]
    assert _wrong("number-changed", "It is 1.5x faster.") == expected
    assert _wrong("number-changed", "It needs 3 KB.") == ["It needs 2 KB.", "It needs 4 KB.", "It needs 6 KB."]
    assert _wrong("number-changed", "It beats DDR4.") == []


def test_number_in_a_wrong_role() -> None:
    """Exchanged within the answer, or from the abstract with the same unit; not in a list, not with another unit."""
    assert _wrong("number-role", "Energy falls by 40%, and misses fall by 25%.") == [
        "Energy falls by 25%, and misses fall by 40%."
    ]
    assert _wrong("number-role", "Energy falls by 40%.") == ["Energy falls by 25%."]
    assert _wrong("number-role", "They fall by 40% and 25%.") == []
    assert _wrong("number-role", "It is 1.5x faster.") == []


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        ("Energy falls by 40%.", "Energy falls by 40\u00d7."),
        ("Energy falls by 40 percent.", "Energy falls by 40\u00d7."),
        ("It is 1.5x faster.", "It is 1.5% faster."),
        ("It is 1.5 times faster.", "It is 1.5% faster."),
    ],
)
def test_unit(answer: str, wrong: str) -> None:
    """Percent and times."""
    assert _wrong("unit", answer) == [wrong]


def test_statistic() -> None:
    """An average as a maximum, a least value as a largest one; "more than" counts before a number only."""
    assert _wrong("statistic", "On average it saves 40%.") == ["At most it saves 40%."]
    assert _wrong("statistic", "It saves at least 40%.") == ["It saves at most 40%."]
    assert _wrong("statistic", "It saves more than 40%.") == ["It saves up to 40%."]
    assert _wrong("statistic", "It saves more than Drowsy.") == []


def test_baseline() -> None:
    """The other baseline of the abstract; "over" compares only after a gain."""
    assert _wrong("baseline", "It is 1.5x faster than Drowsy.") == ["It is 1.5x faster than a static partition."]
    assert _wrong("baseline", "It takes over Drowsy.") == []


def test_name_in_a_wrong_role() -> None:
    """Exchanged within the answer, or from the abstract; not in a list, and not a name of the question."""
    assert _wrong("entity-role", "The ways of Drowsy are idle.") == ["The ways of Otter are idle."]
    assert _wrong("entity-role", "It beats ARM on an Intel core by the use of IBM tools.")[:1] == [
        "It beats Intel on an ARM core by the use of IBM tools."
    ]
    assert _wrong("entity-role", "Zebra does well.") == []
    exchanged = Material("", "What?", "It uses DRAM and SRAM.")
    assert wrong_answers("entity-role", exchanged) == []


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        ("It is faster.", ["It is slower."]),
        ("Energy falls and more ways rest.", ["Energy falls and fewer ways rest."]),
        ("It is more efficient.", ["It is less efficient."]),
        ("Improves speed.", ["Worsens speed."]),
        ("It cuts waste by half.", ["It raises waste by half.", "It cuts waste by twice."]),
    ],
)
def test_direction(answer: str, wrong: list[str]) -> None:
    """One word turned into its opposite; before a plural, more becomes fewer."""
    assert _wrong("direction", answer) == wrong


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        ("Ways are idle.", ["Ways are not idle."]),
        ("Ways are not idle.", ["Ways are idle."]),
        ("It cannot hide this.", ["It can hide this."]),
        ("Zebra needs state; it relies on ways.", ["Zebra needs state; it does not rely on ways."]),
        ("It runs without Otter.", ["It runs with Otter.", "It does not run without Otter."]),
        ("The needs of many changes.", []),
    ],
)
def test_negation(answer: str, wrong: list[str]) -> None:
    """A "not" more or less; a noun that looks like a verb is left alone."""
    assert sorted(_wrong("negation", answer)) == sorted(wrong)


def test_cause() -> None:
    """Cause and effect exchanged, and the cause of another statement."""
    assert _wrong("cause", "Caches waste much power because they are very large.") == [
        "They are very large, because caches waste much power.",
        "Caches waste much power because most programs use few of them.",
    ]
    assert _wrong("cause", "Most ways are idle, so Zebra turns them off.") == [
        "Zebra turns them off, so most ways are idle."
    ]


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        ("Most programs use few ways.", ["All programs use few ways."]),
        ("It often rests.", ["It always rests."]),
        ("Only Zebra rests.", ["Not only Zebra rests."]),
        ("It rests on weekdays.", ["It rests only on weekdays."]),
        ("It rests at most twice.", []),
        ("Almost all rest.", []),
    ],
)
def test_scope(answer: str, wrong: list[str]) -> None:
    """Wider or narrower, where the word has this sense."""
    assert _wrong("scope", answer) == wrong


def test_answer_to_another_question() -> None:
    """True, and with few words of the right answer and of the question."""
    other = "Idle ways are turned off, which costs 3 KB."
    found = _wrong("other-question", "Energy falls by 40% on average.", other_answers=[other])
    assert other in found
    assert "Large caches waste power." not in found  # too short to pass for an answer
    assert not any("40%" in sentence for sentence in found)


def test_answer_on_another_paper() -> None:
    """One that shares few words with the right answer."""
    foreign = ["Branches are predicted by a perceptron.", "Energy falls by 40%."]
    assert _wrong("other-paper", "Energy falls by 40%.", foreign_answers=foreign) == foreign[:1]


def test_wrong_answer_is_never_a_part_of_the_abstract_or_another_right_answer() -> None:
    """A replaced word may give what the abstract says elsewhere."""
    material = Material("Few ways are idle. Most ways are not idle.", "Which?", "Most ways are idle.")
    assert wrong_answers("negation", material) == []
    known = Material("", "Which?", "Most ways are idle.", other_answers=["Most ways are not idle."])
    assert wrong_answers("negation", known) == []
