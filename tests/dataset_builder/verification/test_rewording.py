"""Rewordings keep the meaning of an answer."""

import random

import pytest

from dataset_builder.verification import rewording
from dataset_builder.verification.rewording import reword


@pytest.mark.parametrize(
    ("rule", "answer", "reworded"),
    [
        ("move_cause", "Power is lost because caches are large.", "Because caches are large, power is lost."),
        ("move_means", "By resting ways, Zebra saves power.", "Zebra saves power by resting ways."),
        ("move_average", "Energy falls by 40% on average.", "On average, energy falls by 40%."),
        ("exchange_listed_names", "It beats DRAM and SRAM by far.", "It beats SRAM and DRAM by far."),
        ("spell_percent", "It saves 40% and 20%.", "It saves 40 percent and 20 percent."),
        ("spell_percent", "It saves 40 percent.", "It saves 40%."),
        ("spell_times", "It is 1.5x faster.", "It is 1.5 times faster."),
        ("spell_times", "It is 1.5 times faster.", "It is 1.5\u00d7 faster."),
        ("replace_synonyms", "It uses about 3 KB, such as DRAM.", "It employs approximately 3 KB, like DRAM."),
    ],
)
def test_rule(rule: str, answer: str, reworded: str) -> None:
    """One rule at a time."""
    assert getattr(rewording, rule)(answer) == reworded


@pytest.mark.parametrize(
    ("rule", "answer"),
    [
        ("exchange_listed_names", "DRAM and SRAM take 3 and 4 cycles, respectively."),
        ("spell_times", "A 1.5x speedup."),
        ("replace_synonyms", "The facts about caches fit a core, because of the uses of them since 2019."),
        ("replace_synonyms", "They need lower latency for increasing demand, and increases in it."),
        ("move_cause", "It rests; nobody asks because it is late at night."),
    ],
)
def test_rule_leaves_another_sense_as_it_is(rule: str, answer: str) -> None:
    """Words with two senses, lists that belong together."""
    assert getattr(rewording, rule)(answer) == answer


def test_same_random_numbers_give_the_same_words() -> None:
    """At least one rule is used where one applies."""
    answer = "It uses 40% of the power because ways rest at night."
    reworded = {reword(answer, random.Random(seed)) for seed in range(20)}
    assert answer not in reworded and len(reworded) > 1
    assert reword(answer, random.Random(3)) == reword(answer, random.Random(3))
    assert reword("Zebra rests.", random.Random(0)) == "Zebra rests."
