"""Test intervals and permutation tests by hand, against scipy, and by their coverage in simulations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from eval.analysis import statistics
from eval.analysis.statistics import (
    DRAWN_PAPERS,
    FEWEST_PAPERS,
    difference,
    estimate,
    holm,
    intervals,
    share_interval,
    sign_flip_p,
)
from tests.eval.analysis.simulation import covered, share_intervals, simulated_sets, simulated_shares


def test_mean_is_over_questions() -> None:
    """Paper a has 0.2 and 0.4, b has 0.9: the mean is 1.5 / 3, not the mean of 0.3 and 0.9."""
    found = estimate([0.2, 0.4, 0.9], ["a", "a", "b"])
    assert (found.mean, found.n, found.papers) == (pytest.approx(0.5), 3, 2)


def test_too_few_papers_give_no_interval() -> None:
    """Nine papers have no interval for any number of questions; ten have one."""
    assert FEWEST_PAPERS == 10
    values, papers = [0.1, 0.5, 0.2, 0.9, 0.4, 0.6, 0.3, 0.8, 0.7, 0.5], [str(number) for number in range(10)]
    assert estimate(values[:9] * 3, papers[:9] * 3).low is None
    ten = estimate(values, papers)
    assert ten.low < ten.mean < ten.high


def test_papers_with_most_questions_count_as_fewer() -> None:
    """Thirty papers with one question and one with 200 are 230^2 / 40,030 = 1.3 papers; with 10 questions, 12.3."""
    values = list(np.random.default_rng(1).beta(4, 2, size=230))
    papers = [str(number) for number in range(30)]
    for share in (False, True):
        given = [float(value > 0.6) for value in values] if share else values
        assert estimate(given, [*papers, *["big"] * 200], share).low is None
        assert estimate(given[:40], [*papers, *["big"] * 10], share).low is not None


@pytest.mark.parametrize(("papers", "questions"), [(50, 21), (150, 67), (20, 7)])
def test_interval_with_one_large_paper_covers_the_truth(papers: int, questions: int) -> None:
    """Ten effective papers: in at least 92 % of 1,000 simulated sets, where one paper has 7 to 67 questions."""
    sums, sizes, truth = simulated_sets(papers, sets=1000, seed=0, largest=questions)
    assert sizes.sum() ** 2 / (sizes**2).sum() > 10
    assert covered(intervals(sums, sizes), truth) >= 92


def test_value_that_is_not_a_number_is_never_significant() -> None:
    """The p-value is 1, for few papers and for many."""
    for count in (5, 40, DRAWN_PAPERS + 1):
        assert sign_flip_p([float("nan")] + [0.5] * (count - 1), [str(number) for number in range(count)]) == 1.0


def test_repeating_every_question_narrows_nothing() -> None:
    """Three questions with the same value on each paper give the same interval as one."""
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


def test_values_that_hardly_vary_have_no_interval() -> None:
    """All equal, with and without rounding; all but one equal, or nearly equal; a difference on 2 of 157 papers."""
    papers = [str(number) for number in range(157)]
    for values in (
        [0.5] * 12,
        [1 / 3] * 12,
        [1.0] + [0.0] * 11,
        [0.5] * 11 + [0.9],
        [0.5 + number * 1e-6 for number in range(11)] + [0.9],
        [0.2, -0.1] + [0.0] * 155,
    ):
        found = estimate(values, papers[: len(values)])
        assert (found.low, found.high) == (None, None)
        assert found.mean == pytest.approx(np.mean(values))


@pytest.mark.parametrize("scale", [1e-6, 1, 1e6])
def test_interval_goes_with_the_scale(scale: float) -> None:
    """A change of unit changes the interval by the same factor."""
    values, papers = np.random.default_rng(8).uniform(size=30), [str(number) for number in range(30)]
    one, scaled = estimate(list(values), papers), estimate(list(values * scale), papers)
    assert (scaled.low / scale, scaled.high / scale) == pytest.approx((one.low, one.high))


def test_order_of_the_rows_changes_nothing() -> None:
    """To the last bit: mean, interval and p, with several questions a paper."""
    random = np.random.default_rng(9)
    values, papers = random.normal(0.1, 0.3, size=90), random.integers(0, 40, size=90).astype(str)
    shuffled = random.permutation(90)
    assert difference(list(values), [0.0] * 90, list(papers)) == difference(
        list(values[shuffled]), [0.0] * 90, list(papers[shuffled])
    )


def test_share_by_hand() -> None:
    """6 of 12 papers with one question each are right: Wilson's interval for 11 trials.

    The standard error of the mean, sqrt(12 / 11 * 12 * 0.25) / 12, is that of sqrt(0.25 / 11). Student's quantile for
    11 degrees of freedom is 2.201, and its square over 11 is 0.4404: 0.5 +- sqrt(0.4404 * (0.25 + 0.1101)) / 1.4404.
    """
    found = estimate([0.0, 1.0] * 6, [str(number) for number in range(12)], share=True)
    assert (found.low, found.high) == pytest.approx((0.2235, 0.7765), abs=1e-3)


def test_share_of_several_questions_a_paper_by_hand() -> None:
    """Wilson's interval with Student's quantile for 11 degrees of freedom, 2.201, for 12 papers of three questions.

    If all answers are right, a paper counts as one trial: the quantile's square over 12 is 0.4037, the middle
    1.2018 / 1.4037 and the half 0.2018 / 1.4037. If one and two answers are right in turn, there are not more trials
    than the 36 questions: the square is 0.1346, and the half sqrt(0.1346 * (0.25 + 0.0336)) / 1.1346.
    """
    sizes = np.full(12, 3.0)
    assert share_interval(sizes, sizes) == pytest.approx((0.7124, 1), abs=1e-3)
    assert share_interval(np.array([1.0, 2.0] * 6), sizes) == pytest.approx((0.3278, 0.6722), abs=1e-3)


@pytest.mark.parametrize("right", [0, 1, 11, 12])
def test_share_near_its_ends_has_an_interval_on_the_scale(right: int) -> None:
    """Zero, one, eleven and twelve of 12."""
    found = estimate([1.0] * right + [0.0] * (12 - right), [str(number) for number in range(12)], share=True)
    assert 0 <= found.low <= found.mean <= found.high <= 1
    assert 0.2 < found.high - found.low < 0.5


@pytest.mark.parametrize(("papers", "share"), [(12, 0.1), (12, 0.9), (40, 0.1), (40, 0.5), (150, 0.9)])
def test_interval_of_a_share_covers_the_truth(papers: int, share: float) -> None:
    """In at least 93 % of 500 simulated sets; for few papers the interval is wider than necessary."""
    sums, sizes = simulated_shares(papers, sets=500, seed=0, share=share)
    assert 93 <= covered(share_intervals(sums, sizes), share) <= (100 if papers < 40 else 98)


def test_interval_covers_the_truth_in_93_to_97_percent() -> None:
    """1,000 simulated sets of 150 papers with 1 to 3 questions each, seed 0."""
    sums, sizes, truth = simulated_sets(papers=150, sets=1000, seed=0)
    low, high = intervals(sums, sizes)
    assert 0.93 <= np.mean((low <= truth) & (truth <= high)) <= 0.97


def test_sign_flips_by_hand() -> None:
    """Sums 0.1, 0.2 and 0.3: of 8 sign patterns only +++ and --- reach 0.6: p = 2 / 8.

    With -0.1 in place of 0.1 the sum is 0.4: +++, -++ and their opposites reach it: p = 4 / 8.
    """
    assert sign_flip_p([0.1, 0.2, 0.3], ["a", "b", "c"]) == 0.25
    assert sign_flip_p([-0.1, 0.2, 0.3], ["a", "b", "c"]) == 0.5


def test_a_paper_changes_sign_as_a_whole() -> None:
    """Six questions on three papers have 8 sign patterns, not 64."""
    assert sign_flip_p([0.1, 0.1, 0.2, 0.2, 0.3, 0.3], list("aabbcc")) == 0.25


@pytest.mark.parametrize("papers", [9, 60])
def test_sign_flips_agree_with_scipy(papers: int) -> None:
    """Exactly if all patterns are enumerated; if they are drawn, to three standard errors of both draws."""
    values = np.random.default_rng(4).normal(0.05, 0.2, size=papers)
    ours = sign_flip_p(list(values), [str(number) for number in range(papers)])
    theirs = stats.permutation_test((values,), np.sum, permutation_type="samples", n_resamples=9_999, rng=5).pvalue
    error = 0 if papers == 9 else 3 * (2 * theirs * (1 - theirs) / 9_999) ** 0.5
    assert ours == pytest.approx(theirs, abs=error + 1e-12)


def test_p_is_below_5_percent_in_5_percent_of_sets_without_a_difference() -> None:
    """400 sets of 12 papers with differences symmetric about 0: 20 are expected, at most 20 + 3 * 4.4."""
    random = np.random.default_rng(6)
    papers = [str(number) for number in range(12)]
    hits = sum(sign_flip_p(list(random.normal(size=12)), papers) < 0.05 for _ in range(400))
    assert 7 <= hits <= 33


def test_difference_is_paired() -> None:
    """The second is always about 0.1 below the first: the difference is certain although both vary widely."""
    random = np.random.default_rng(7)
    first, less = random.uniform(size=40), random.uniform(0.09, 0.11, size=40)
    found = difference(list(first), list(first - less), [str(number) for number in range(40)])
    assert 0.095 < found.mean.low < found.mean.high < 0.105
    assert found.p == 1 / 10_000
    assert found.standard_error == pytest.approx(stats.sem(less))


def test_many_papers_have_students_interval_near_the_bootstraps(monkeypatch: pytest.MonkeyPatch) -> None:
    """One paper more than are drawn for: Student's interval, whose bounds differ by at most 0.0002."""
    sums, sizes, _ = simulated_sets(papers=DRAWN_PAPERS + 1, sets=5, seed=0)
    ones = np.ones_like(sizes)
    low, high = intervals(sums[:, :1], ones)
    expected = stats.t.interval(0.95, DRAWN_PAPERS, loc=sums[:, 0].mean(), scale=stats.sem(sums[:, 0]))
    assert (low[0], high[0]) == pytest.approx(expected)
    many = intervals(sums, sizes)
    monkeypatch.setattr(statistics, "DRAWN_PAPERS", DRAWN_PAPERS + 1)
    assert np.abs(np.subtract(many, intervals(sums, sizes))).max() < 2e-4


def test_interval_of_negated_values_is_the_mirror_image() -> None:
    """Both ends are the same number of ranks away from their side."""
    sums, sizes, _ = simulated_sets(papers=30, sets=5, seed=0)
    low, high = intervals(sums, sizes)
    assert np.allclose(intervals(-sums, sizes), (-high, -low), rtol=0, atol=1e-12)


def test_many_papers_that_hardly_vary_have_no_interval() -> None:
    """All equal, or 4 of 2,000 that differ, have none; with 5 that differ equally there is one, as with resamples."""
    sizes = np.ones(2000)
    for different, expected in ((0, False), (4, False), (5, True)):
        sums = np.zeros((2000, 1))
        sums[:different] = 0.5
        assert np.isfinite(intervals(sums, sizes)).all() == expected


def test_sign_flips_of_many_papers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The normal p-value agrees with the drawn one to three standard errors, and is not below 1 / 10,000."""
    values = np.random.default_rng(4).normal(0.01, 0.2, size=DRAWN_PAPERS + 1)
    papers = [str(number) for number in range(DRAWN_PAPERS + 1)]
    normal = sign_flip_p(list(values), papers)
    assert sign_flip_p(list(values + 1), papers) == 1 / 10_000
    monkeypatch.setattr(statistics, "DRAWN_PAPERS", DRAWN_PAPERS + 1)
    drawn = sign_flip_p(list(values), papers)
    assert 0.01 < normal < 0.5
    assert normal == pytest.approx(drawn, abs=3 * (drawn * (1 - drawn) / 9_999) ** 0.5)


def test_papers_without_a_difference_do_not_make_others_significant() -> None:
    """Three papers of 2,000 differ, all in one direction: 2 of 8 sign patterns reach their sum."""
    assert sign_flip_p([0.5] * 3 + [0.0] * 1997, [str(number) for number in range(2000)]) == 0.25


def test_holm_by_hand() -> None:
    """0.01 times 3, 0.03 times 2, and 0.04, whose correction may not be below the previous one."""
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
