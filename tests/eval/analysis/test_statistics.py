"""Test intervals and permutation tests by hand, against scipy, and by their coverage in simulations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from eval.analysis.statistics import (
    DRAWN_PAPERS,
    FEWEST_PAPERS,
    estimate,
    holm,
    intervals,
    share_interval,
    sign_flip_p,
)


def simulated_sets(papers: int, sets: int, largest: int | None = None) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the sums over each paper's questions (papers, sets), the numbers of questions (papers,), and the truth.

    One to three questions a paper; or one question, and `largest` on one further paper. A similarity is 0.6 of the
    paper's own level and 0.4 of the question's, two Beta distributions that lean to the right end, as real
    similarities do: their means are 6 / 9 and 4 / 5.
    """
    random = np.random.default_rng(0)
    sizes = random.integers(1, 4, size=papers) if largest is None else np.array([1] * papers + [largest])
    levels = random.beta(6, 3, size=(len(sizes), sets))
    questions = random.beta(4, 1, size=(sizes.max(), len(sizes), sets))
    asked = np.arange(sizes.max())[:, None, None] < sizes[None, :, None]
    sums = ((0.6 * levels + 0.4 * questions) * asked).sum(axis=0)
    return sums, sizes.astype(np.float64), 0.6 * 6 / 9 + 0.4 * 4 / 5


def simulated_shares(papers: int, sets: int, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Return sums and numbers of questions as `simulated_sets` does, where each question is a yes (1) or a no (0).

    A question is a yes with the probability `share`. Every other question has the answer of its paper's first one.
    """
    random = np.random.default_rng(0)
    sizes = random.integers(1, 4, size=papers)
    yes = random.random((3, papers, sets)) < share
    yes = np.where(random.random(yes.shape) < 0.5, yes[:1], yes)
    asked = np.arange(3)[:, None, None] < sizes[None, :, None]
    return (yes * asked).sum(axis=0).astype(np.float64), sizes.astype(np.float64)


def covered(bounds: tuple[np.ndarray, np.ndarray], truth: float) -> float:
    """Return the percentage of the intervals that contain the truth; a missing interval does not."""
    low, high = bounds
    return 100 * float(np.mean((low <= truth) & (truth <= high)))


@pytest.mark.parametrize(("papers", "largest"), [(150, None), (50, 21), (20, 7)])
def test_interval_covers_the_truth(papers: int, largest: int | None) -> None:
    """In 92 to 98 % of 1,000 simulated sets, also if one paper has many of the questions."""
    sums, sizes, truth = simulated_sets(papers, sets=1000, largest=largest)
    assert 92 <= covered(intervals(sums, sizes), truth) <= 98


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


def test_value_that_is_not_a_number_is_never_significant() -> None:
    """The p-value is 1, for few papers and for many."""
    for count in (5, 40, DRAWN_PAPERS + 1):
        assert sign_flip_p([float("nan")] + [0.5] * (count - 1), [str(number) for number in range(count)]) == 1.0


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


def test_order_of_the_rows_changes_nothing() -> None:
    """To the last bit: mean, interval and p, with several questions a paper."""
    random = np.random.default_rng(9)
    values, papers = random.normal(0.1, 0.3, size=90), random.integers(0, 40, size=90).astype(str)
    shuffled = random.permutation(90)
    for compute in (estimate, sign_flip_p):
        assert compute(list(values), list(papers)) == compute(list(values[shuffled]), list(papers[shuffled]))


def test_share_of_several_questions_a_paper_by_hand() -> None:
    """Wilson's interval with Student's quantile for 11 degrees of freedom, 2.201, for 12 papers of three questions.

    If all answers are right, a paper counts as one trial: the quantile's square over 12 is 0.4037, the middle
    1.2018 / 1.4037 and the half 0.2018 / 1.4037. If one and two answers are right in turn, there are not more trials
    than the 36 questions: the square is 0.1346, and the half sqrt(0.1346 * (0.25 + 0.0336)) / 1.1346.
    """
    sizes = np.full(12, 3.0)
    assert share_interval(sizes, sizes) == pytest.approx((0.7124, 1), abs=1e-3)
    assert share_interval(np.array([1.0, 2.0] * 6), sizes) == pytest.approx((0.3278, 0.6722), abs=1e-3)


@pytest.mark.parametrize(("papers", "share"), [(12, 0.1), (40, 0.5), (150, 0.9)])
def test_interval_of_a_share_covers_the_truth(papers: int, share: float) -> None:
    """In at least 93 % of 500 simulated sets; for few papers the interval is wider than necessary."""
    sums, sizes = simulated_shares(papers, sets=500, share=share)
    low, high = np.array([share_interval(column, sizes) for column in sums.T]).T
    assert 93 <= covered((low, high), share) <= (100 if papers < 40 else 98)


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


def test_papers_without_a_difference_do_not_make_others_significant() -> None:
    """Three papers of 2,000 differ, all in one direction: 2 of 8 sign patterns reach their sum."""
    assert sign_flip_p([0.5] * 3 + [0.0] * 1997, [str(number) for number in range(2000)]) == 0.25


def test_holm_by_hand() -> None:
    """0.01 times 3, 0.03 times 2, and 0.04, whose correction may not be below the previous one."""
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
