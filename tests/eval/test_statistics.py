"""Intervals and permutation tests: by hand, against scipy, and by how often they are right."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from eval.statistics import FEWEST_PAPERS, difference, estimate, holm, intervals, sign_flip_p
from tests.eval.simulation import simulated_sets


def test_mean_is_over_questions() -> None:
    """Paper a has 0.2 and 0.4, b has 0.9: the mean is 1.5 / 3, not that of the papers' means 0.3 and 0.9."""
    found = estimate([0.2, 0.4, 0.9], ["a", "a", "b"])
    assert (found.mean, found.n, found.papers) == (pytest.approx(0.5), 3, 2)


def test_too_few_papers_give_no_interval() -> None:
    """Nine papers say too little, whatever the number of questions; ten have an interval."""
    assert FEWEST_PAPERS == 10
    values, papers = [0.1, 0.5, 0.2, 0.9, 0.4, 0.6, 0.3, 0.8, 0.7, 0.5], [str(number) for number in range(10)]
    assert estimate(values[:9] * 3, papers[:9] * 3).low is None
    ten = estimate(values, papers)
    assert ten.low < ten.mean < ten.high


def test_repeating_every_question_narrows_nothing() -> None:
    """Three questions with the same value on each paper tell no more than one."""
    values = list(np.random.default_rng(1).beta(4, 2, size=40))
    papers = [str(number) for number in range(40)]
    once, thrice = estimate(values, papers), estimate(values * 3, papers * 3)
    assert (thrice.low, thrice.high) == pytest.approx((once.low, once.high))


def test_interval_of_normal_data_is_students() -> None:
    """For normal data the studentised bootstrap estimates Student's t: bounds within a tenth of the half width."""
    values = np.random.default_rng(2).normal(0.6, 0.1, size=200)
    found = estimate(list(values), [str(number) for number in range(200)])
    exact = stats.t.interval(0.95, 199, loc=values.mean(), scale=stats.sem(values))
    half = (exact[1] - exact[0]) / 2
    assert (found.low, found.high) == pytest.approx(exact, abs=0.1 * half)


def test_interval_leans_as_scipys_does() -> None:
    """On skewed data scipy's BCa bounds lie on the same side of the symmetric ones."""
    values = np.random.default_rng(3).exponential(size=60)
    found = estimate(list(values), [str(number) for number in range(60)])
    scipys = stats.bootstrap((values,), np.mean, rng=0).confidence_interval
    symmetric = stats.norm.interval(0.95, loc=values.mean(), scale=stats.sem(values))
    assert found.low > symmetric[0] and scipys.low > symmetric[0]
    assert found.high > symmetric[1] and scipys.high > symmetric[1]


def test_equal_values_have_an_interval_of_no_width() -> None:
    """Nothing varies, and nothing is divided by nothing."""
    found = estimate([0.5] * 12, [str(number) for number in range(12)])
    assert (found.low, found.high) == (0.5, 0.5)


def test_interval_covers_the_truth_in_93_to_97_percent() -> None:
    """1,000 simulated sets of 150 papers with 1 to 3 questions each, seed 0."""
    sums, sizes, truth = simulated_sets(papers=150, sets=1000, seed=0)
    low, high = intervals(sums, sizes)
    assert 0.93 <= np.mean((low <= truth) & (truth <= high)) <= 0.97


def test_sign_flips_by_hand() -> None:
    """Sums 0.1, 0.2 and 0.3: of 8 sign patterns only the two that are all alike reach 0.6: p = 2 / 8.

    With -0.1 in place of 0.1 the sum is 0.4: +++, -++ and their opposites reach it: p = 4 / 8.
    """
    assert sign_flip_p([0.1, 0.2, 0.3], ["a", "b", "c"]) == 0.25
    assert sign_flip_p([-0.1, 0.2, 0.3], ["a", "b", "c"]) == 0.5


def test_a_paper_changes_sign_as_a_whole() -> None:
    """Six questions on three papers have 8 sign patterns, not 64."""
    assert sign_flip_p([0.1, 0.1, 0.2, 0.2, 0.3, 0.3], list("aabbcc")) == 0.25


@pytest.mark.parametrize("papers", [9, 60])
def test_sign_flips_agree_with_scipy(papers: int) -> None:
    """Exactly where all patterns are gone through; where they are drawn, to three standard errors of both draws."""
    values = np.random.default_rng(4).normal(0.05, 0.2, size=papers)
    ours = sign_flip_p(list(values), [str(number) for number in range(papers)])
    theirs = stats.permutation_test((values,), np.sum, permutation_type="samples", n_resamples=9_999, rng=5).pvalue
    error = 0 if papers == 9 else 3 * (2 * theirs * (1 - theirs) / 9_999) ** 0.5
    assert ours == pytest.approx(theirs, abs=error + 1e-12)


def test_p_is_below_5_percent_in_5_percent_of_sets_without_a_difference() -> None:
    """400 sets of 12 papers whose differences are symmetric about 0: 20 expected, 20 + 3 * 4.4 at most."""
    random = np.random.default_rng(6)
    papers = [str(number) for number in range(12)]
    hits = sum(sign_flip_p(list(random.normal(size=12)), papers) < 0.05 for _ in range(400))
    assert 7 <= hits <= 33


def test_difference_is_paired() -> None:
    """The second is 0.1 below the first everywhere: the difference is sure though each varies widely."""
    first = list(np.random.default_rng(7).uniform(size=40))
    found = difference(first, [value - 0.1 for value in first], [str(number) for number in range(40)])
    assert (found.estimate.low, found.estimate.high) == pytest.approx((0.1, 0.1))
    assert found.p == 1 / 10_000


def test_holm_by_hand() -> None:
    """0.01 times 3, 0.03 times 2, and 0.04 which may not be below the one before it."""
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
