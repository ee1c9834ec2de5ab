"""Compute confidence intervals and tests of differences with papers, not questions, as the sampling unit.

The questions on one paper are alike. So a resample contains all questions of a paper or none, and a permutation
changes the sign of all differences of a paper together.

The interval is the studentised bootstrap (bootstrap-t: Efron and Tibshirani, An Introduction to the Bootstrap, 1993,
section 12.5) of the mean over questions, which is a ratio of two sums over papers, with the linearised standard error
of such a ratio (Cochran, Sampling Techniques, 1977, section 6.4). docs/evaluation.md has its coverage in simulations.

A resample in which nearly all papers have the same value has no spread that its shift could be divided by. If such
resamples are common, for example if only 2 of 157 papers differ, no interval is given. A share (a mean of zeros and
ones) is often like that. It has Wilson's interval (1927, https://doi.org/10.1080/01621459.1927.10502953), which always
has a width and stays between 0 and 1. As in Korn and Graubard (Survey Methodology 24, 1998), its number of trials is
the number of independent questions with the same variance, and its quantile is Student's for the number of papers.

For more than DRAWN_PAPERS papers, interval and test are computed from the normal distribution that both come close to.
"""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.stats import norm
from scipy.stats import t as student

from eval.analysis.scores import FEWEST_PAPERS, MeanScore

Floats = npt.NDArray[np.float64]
CONFIDENCE = 0.95
RESAMPLES = 9_999
SEED = 0
# Up to EXACT_PAPERS papers the test enumerates all 2^n sign patterns; for more papers it draws FLIPS random ones.
EXACT_PAPERS = 13
FLIPS = 9_999
# Up to DRAWN_PAPERS papers, intervals and tests draw random numbers, which take time and memory for each paper. At
# this number the bounds of the bootstrap and of Student's interval differ by up to 0.0002 (test_statistics.py), about
# as two bootstraps with other seeds do.
DRAWN_PAPERS = 1_000
# A resample whose standard error is below this fraction of the sample's own has no spread. If 4 papers of many differ
# from the others, one resample in 50 contains none of the 4.
NO_SPREAD = 0.1
# If more than this share of the resamples has no spread, no interval is given. Otherwise their studentised shift
# counts as infinite, which widens the interval.
WITHOUT_SPREAD = 0.01
# Without resamples, the same limit: a resample of many papers contains none of k papers with probability exp(-k).
FEWEST_DIFFERENT = -math.log(WITHOUT_SPREAD)


def estimate(values: Sequence[float], papers: Sequence[str], share: bool = False) -> MeanScore:
    """Return the mean of `values`, one for each question, with its interval; `papers` are the questions' papers.

    The result does not depend on the order. `share` says that each value is 0 or 1. The interval is None if too few
    papers, or too few papers with different values, are there to compute it. Papers with unequal numbers of questions
    count as fewer (Kish's effective sample size, Survey Sampling, 1965): one paper may hold most of the questions.
    """
    sums, sizes = _by_paper(values, papers)
    low, high = math.nan, math.nan
    enough = _are_enough(sizes)
    if enough and share:
        low, high = share_interval(sums, sizes)
    elif enough:
        low, high = (float(bound[0]) for bound in intervals(sums[:, None], sizes))
    return MeanScore(
        mean=float(sums.sum() / sizes.sum()),
        low=None if math.isnan(low) else low,
        high=None if math.isnan(low) else high,
        n=len(values),
        papers=len(sizes),
    )


def intervals(sums: Floats, sizes: Floats) -> tuple[Floats, Floats]:
    """Return the lower and upper bounds of the mean per question for several sets; NaN for a set without interval.

    `sums` (papers, sets) holds each paper's sum over its questions, `sizes` (papers,) the number of these questions.
    """
    mean, error, centred = _mean_and_error(sums, sizes)
    if len(sizes) > DRAWN_PAPERS:
        quantile = student.ppf((1 + CONFIDENCE) / 2, len(sizes) - 1)
        lower, upper = np.full_like(mean, -quantile), np.full_like(mean, quantile)
        # How many papers make up the variance: Kish's effective number, weighted by the squared deviations. If nothing
        # varies, it is 0 / 0.
        with np.errstate(invalid="ignore"):
            has_spread = (centred**2).sum(axis=0) ** 2 / (centred**4).sum(axis=0) >= FEWEST_DIFFERENT
    else:
        lower, upper, has_spread = _studentised_quantiles(centred, sizes, error)
    # Equal values differ only by rounding.
    sound = (error > 1e-9 * abs(sums).max(axis=0)) & has_spread
    # If nothing varies, the product is infinity times 0; the result is not used.
    with np.errstate(invalid="ignore"):
        return np.where(sound, mean - upper * error, np.nan), np.where(sound, mean - lower * error, np.nan)


def _studentised_quantiles(
    centred: Floats, sizes: Floats, error: Floats
) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    """Return for each set two quantiles of the resamples' studentised shifts, and whether enough have a spread."""
    papers = len(sizes)
    counts = _resample_counts(papers).astype(np.float64)
    drawn = (counts @ sizes)[:, None]
    shift = counts @ centred / drawn
    squares = (
        counts @ centred**2
        - 2 * shift * (counts @ (centred * sizes[:, None]))
        + shift**2 * (counts @ sizes**2)[:, None]
    )
    errors = np.sqrt(papers / (papers - 1) * squares.clip(min=0)) / drawn
    spread = errors > NO_SPREAD * error
    studentised = np.divide(shift, errors, out=np.copysign(np.inf, shift), where=spread)
    tail = (1 - CONFIDENCE) / 2
    lower, upper = np.quantile(studentised, [tail, 1 - tail], axis=0, method="inverted_cdf")
    return lower, upper, (~spread).mean(axis=0) <= WITHOUT_SPREAD


def share_interval(sums: Floats, sizes: Floats) -> tuple[float, float]:
    """Return Wilson's interval of a share; `sums` holds each paper's number of ones among its `sizes` questions."""
    papers, questions = len(sizes), float(sizes.sum())
    mean, error, _ = (float(array.flat[0]) for array in _mean_and_error(sums[:, None], sizes))
    # Questions of a paper that are answered alike count as one. Without a spread it is unknown how alike they are.
    independent = min(questions, mean * (1 - mean) / error**2) if error > 0 else float(papers)
    square = student.ppf((1 + CONFIDENCE) / 2, papers - 1) ** 2 / independent
    middle = (mean + square / 2) / (1 + square)
    half = math.sqrt(square * (mean * (1 - mean) + square / 4)) / (1 + square)
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def _mean_and_error(sums: Floats, sizes: Floats) -> tuple[Floats, Floats, Floats]:
    """Return for each set the mean per question, its standard error, and each paper's sum minus its expected sum."""
    papers, total = len(sizes), sizes.sum()
    mean = sums.sum(axis=0) / total
    # Centring shifts the mean of every resample equally, and avoids cancellation in the squares.
    centred = sums - np.outer(sizes, mean)
    return mean, np.sqrt(papers / (papers - 1) * (centred**2).sum(axis=0)) / total, centred


def sign_flip_p(values: Sequence[float], papers: Sequence[str]) -> float:
    """Return the two-sided p-value of a mean difference of zero, by a paired permutation test.

    If the two do not differ, each paper's difference is equally likely to have the opposite sign. For few papers all
    combinations of signs are enumerated. For more, the observed combination counts among the random ones, so that p is
    never 0 (Phipson and Smyth 2010, https://doi.org/10.2202/1544-6115.1585). For more than DRAWN_PAPERS papers, the
    sum with random signs counts as normal: its mean is 0, and its variance is the sum of the squares.
    """
    sums, _ = _by_paper(values, papers)
    if len(sums) > DRAWN_PAPERS:
        # Papers without a difference change nothing, and many of them do not make the sum normal.
        sums = sums[sums != 0]
    if len(sums) > DRAWN_PAPERS:
        p = 2 * norm.sf(abs(sums.sum()) / np.sqrt((sums**2).sum()))
        return 1.0 if math.isnan(p) else max(float(p), 1 / (FLIPS + 1))
    if len(sums) <= EXACT_PAPERS:
        signs = 1 - 2.0 * ((np.arange(2 ** len(sums))[:, None] >> np.arange(len(sums))) & 1)
    else:
        signs = np.random.default_rng(SEED).choice([-1.0, 1.0], size=(FLIPS, len(sums)))
    # Sums that are equal in exact arithmetic may differ in the last bits. A NaN, which is not below, gives p = 1.
    reached = ~(abs(signs @ sums) < abs(sums.sum()) - 1e-12 * max(1.0, abs(sums).sum()))
    observed = len(sums) > EXACT_PAPERS
    return float((reached.sum() + observed) / (len(signs) + observed))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p-values corrected for multiple tests, in the same order.

    Holm's step-down method (1979, https://www.jstor.org/stable/4615733), which holds however the tests are correlated.
    """
    corrected = [0.0] * len(p_values)
    highest = 0.0
    for rank, test in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        corrected[test] = highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[test]))
    return corrected


def _are_enough(sizes: Floats) -> bool:
    return bool(sizes.sum() ** 2 / (sizes**2).sum() >= FEWEST_PAPERS)


def _by_paper(values: Sequence[float], papers: Sequence[str]) -> tuple[Floats, Floats]:
    """Return each paper's sum of values and number of values, independent of the order of the questions."""
    array = np.asarray(values, dtype=np.float64)
    _, paper_numbers = np.unique(np.asarray(papers), return_inverse=True)
    # The last bits of a sum depend on the order of its terms.
    order = np.lexsort((array, paper_numbers))
    sums = np.bincount(paper_numbers[order], weights=array[order]).astype(np.float64)
    return sums, np.bincount(paper_numbers).astype(np.float64)


# Many systems, metrics and groups have the same number of papers. The counts for DRAWN_PAPERS papers take 10 MB.
@lru_cache(maxsize=32)
def _resample_counts(papers: int) -> npt.NDArray[np.uint8]:
    """Return how often each resample contains each paper: (RESAMPLES, papers), for up to DRAWN_PAPERS papers."""
    drawn = np.random.default_rng(SEED).multinomial(papers, [1 / papers] * papers, size=RESAMPLES)
    # No draw of the seed comes near 255.
    return drawn.astype(np.uint8)
