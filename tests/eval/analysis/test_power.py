"""Test the smallest detectable difference, the papers needed for a difference, and equivalence."""

from __future__ import annotations

import numpy as np
import pytest

from eval.analysis.power import equivalence_p, papers_needed, smallest_detectable
from eval.analysis.statistics import difference

SETS = 300


def simulated(papers: int, mean: float, seed: int) -> tuple[list[float], list[float], list[str]]:
    """Return the values of two systems whose true difference is `mean`: two questions on each paper.

    The differences of a paper's questions have the standard deviation 0.1, and the paper adds another 0.1.
    """
    random = np.random.default_rng(seed)
    differences = mean + 0.1 * random.normal(size=(papers, 1)) + 0.1 * random.normal(size=(papers, 2))
    second = random.uniform(0.3, 0.6, size=differences.size)
    names = [str(number) for number in range(papers) for _ in range(2)]
    return list(second + differences.ravel()), list(second), names


def test_detectable_by_hand() -> None:
    """For very many papers the quantiles are normal: 1.960 for 5 %, 2.807 for 0.5 %, 0.842 for 80 %."""
    assert smallest_detectable(0.01, 10**6, 1) == pytest.approx(0.01 * (1.960 + 0.842), abs=1e-5)
    assert smallest_detectable(0.01, 10**6, 10) == pytest.approx(0.01 * (2.807 + 0.842), abs=1e-5)
    # Student's quantiles for 19 degrees of freedom: 2.093 and 0.861.
    assert smallest_detectable(0.01, 20, 1) == pytest.approx(0.01 * (2.093 + 0.861), abs=1e-5)


def test_nothing_is_detectable_if_no_p_value_is_small_enough() -> None:
    """Ten papers have 1,024 sign patterns: 25 comparisons times 2 / 1,024 is below 0.05, and 26 times is not."""
    assert smallest_detectable(0.01, 10, 25) is not None
    assert smallest_detectable(0.01, 10, 26) is None
    assert smallest_detectable(None, 100, 1) is None


def test_papers_needed_by_hand() -> None:
    """Half the detectable difference needs four times the papers, except for the change of Student's quantiles."""
    now = smallest_detectable(0.01, 400, 3)
    assert papers_needed(now, 0.01, 400, 3) == 400
    assert papers_needed(now / 2, 0.01, 400, 3) == pytest.approx(1600, abs=10)
    # A difference that any test set shows needs the fewest papers of an interval.
    assert papers_needed(1.0, 0.01, 400, 3) == 10


def test_planned_papers_find_the_difference_in_80_percent_of_sets() -> None:
    """A pilot of 200 papers plans for a difference of 0.06. Of 300 sets of that size 240 find it, give or take 7 %."""
    pilot = difference(*simulated(200, 0.0, seed=1))
    papers = papers_needed(0.06, pilot.standard_error, 200, comparisons=3)
    found = [difference(*simulated(papers, 0.06, seed=2 + number)).p <= 0.05 / 3 for number in range(SETS)]
    assert 0.73 <= np.mean(found) <= 0.87


def test_equivalence_by_hand() -> None:
    """The nearer end is 2 standard errors away: Student's tail beyond 2 for 60 degrees of freedom is 0.025."""
    assert equivalence_p(0.0, 0.01, 61) == pytest.approx(0.025, abs=5e-4)
    assert equivalence_p(0.01, 0.005, 61) == equivalence_p(-0.01, 0.005, 61) == pytest.approx(0.025, abs=5e-4)
    assert equivalence_p(0.03, 0.01, 61) > 0.5
    # Equal answers to every question, the same difference everywhere, and too few papers.
    assert [equivalence_p(0.0, 0.0, 61), equivalence_p(0.02, 0.0, 61), equivalence_p(0.0, None, 5)] == [0, 1, 1]


@pytest.mark.parametrize(("mean", "lowest", "highest"), [(0.02, 0.01, 0.09), (0.0, 0.72, 0.88)])
def test_equivalence_in_simulated_sets(mean: float, lowest: float, highest: float) -> None:
    """At the end of the margin 5 % of 300 sets are called equivalent by mistake.

    With no difference and a standard error of 0.02 / 2.93, each one-sided test fails in 10 % of the sets, for
    1.645 + 1.282 = 2.93, so that 80 % are called equivalent. The variance of a paper's mean is 0.1^2 + 0.1^2 / 2.
    """
    papers = round(0.015 / (0.02 / 2.93) ** 2)
    found = []
    for seed in range(SETS):
        first, second, _ = simulated(papers, mean, seed)
        by_paper = np.subtract(first, second).reshape(-1, 2).mean(axis=1)
        error = by_paper.std(ddof=1) / papers**0.5
        found.append(equivalence_p(float(by_paper.mean()), float(error), papers) < 0.05)
    assert lowest <= np.mean(found) <= highest
