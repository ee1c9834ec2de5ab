"""Intervals and differences that take papers, not questions, for what was drawn at random.

The questions on one paper are alike, so the paper is the unit: a paper comes into a resample with all its questions or
not at all, and a difference changes sign for a whole paper.

The interval is the studentised bootstrap (bootstrap-t: Efron and Tibshirani, An Introduction to the Bootstrap, 1993,
section 12.5) of the mean over questions, a ratio of two sums over papers, with the linearised standard error of such a
ratio (Cochran, Sampling Techniques, 1977, section 6.4). A percentile interval is too narrow when papers are few. Of
1,000 simulated sets each (tests/eval/analysis/simulation.py), the nominal 95 % covered the truth in

    papers                8    10    14    20    30    50    74   150
    studentised        93.9  94.8  95.8  95.4  96.5  95.8  95.4  96.5
    percentile         87.9  90.2  92.7  93.8  94.6  95.2  94.7  96.2
    share of 0.1       97.2  97.8  97.3  97.5  94.4  94.4  94.5  94.6
      percentile       64.4  75.2  88.0  85.4  90.7  92.4  92.7  95.1
    share of 0.9       98.6  97.7  98.4  97.4  94.3  95.8  95.0  94.5
      percentile       63.8  74.0  85.1  85.2  90.4  92.1  93.0  94.0

A resample in which nearly all papers have the same value has no spread to measure its shift by. Where such are common,
as for 157 papers of which 2 differ, no interval is given rather than one that is not to be trusted. A share, a mean of
zeros and ones, is often like that, and has Wilson's interval (1927, https://doi.org/10.1080/01621459.1927.10502953):
never of no width, never below 0 or above 1. Its number of trials is that of independent questions that would vary as
much, its quantile Student's for the papers, both as Korn and Graubard (Survey Methodology 24, 1998) take them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

CONFIDENCE = 0.95
RESAMPLES = 9_999
# Up to so many papers all 2^n sign flips are gone through, above it so many random ones.
EXACT_PAPERS = 13
FLIPS = 9_999
# Fewer papers than the first give no interval: it would still cover, by being as wide as the scale. Below the second
# the report says that intervals are wide and tests weak.
FEWEST_PAPERS, FEW_PAPERS = 10, 30
# A resample whose standard error is below this part of the sample's own has no spread to speak of: where 4 papers of
# many differ from the others, one resample in 50 holds none of them.
NO_SPREAD = 0.1
# More resamples without spread than this leave no interval; fewer count as shifted without bound, which widens it.
WITHOUT_SPREAD = 0.01


@dataclass(frozen=True)
class Estimate:
    """A mean over `n` questions on `papers` papers, with its 95 % interval.

    None where the papers, or those of them that differ, are too few to give one.
    """

    mean: float
    low: float | None
    high: float | None
    n: int
    papers: int


@dataclass(frozen=True)
class Difference:
    """The mean of a paired difference with its interval, and the p-value of no difference."""

    estimate: Estimate
    p: float


def estimate(values: Sequence[float], papers: Sequence[str], share: bool = False, seed: int = 0) -> Estimate:
    """Return the mean of `values`, one a question, whose papers are `papers`, with its interval.

    It depends on the order of neither. The mean is a `share` where each value says yes (1) or no (0).
    """
    sums, sizes = _by_paper(values, papers)
    mean = float(sums.sum() / sizes.sum())
    low, high = None, None
    if len(sizes) >= FEWEST_PAPERS:
        if share:
            low, high = share_interval(sums, sizes)
        else:
            bounds = [float(bound[0]) for bound in intervals(sums[:, None], sizes, seed)]
            low, high = (None, None) if math.isnan(bounds[0]) else bounds
    return Estimate(mean, low, high, len(values), len(sizes))


def difference(first: Sequence[float], second: Sequence[float], papers: Sequence[str], seed: int = 0) -> Difference:
    """Return how much higher `first` is than `second`, two values for each question, in the mean."""
    values = [one - other for one, other in zip(first, second, strict=True)]
    return Difference(estimate(values, papers, seed=seed), sign_flip_p(values, papers, seed))


def intervals(sums: np.ndarray, sizes: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return the lower and upper bounds of the mean per question of several sets; NaN for a set without an interval.

    `sums` (papers, sets) holds each paper's sum over its questions, `sizes` (papers,) how many these are.
    """
    import numpy as np

    papers = len(sizes)
    mean, error, centred = _mean_and_error(sums, sizes)
    scale = papers / (papers - 1)
    counts = _counts(papers, seed)
    drawn = (counts @ sizes)[:, None]
    shift = counts @ centred / drawn
    squares = (
        counts @ centred**2
        - 2 * shift * (counts @ (centred * sizes[:, None]))
        + shift**2 * (counts @ sizes**2)[:, None]
    )
    errors = np.sqrt(scale * squares.clip(min=0)) / drawn
    spread = errors > NO_SPREAD * error
    studentised = np.divide(shift, errors, out=np.copysign(np.inf, shift), where=spread)
    tail = (1 - CONFIDENCE) / 2
    lower, upper = np.quantile(studentised, [tail, 1 - tail], axis=0, method="closest_observation")
    # Equal values differ by rounding alone.
    sound = (error > 1e-9 * abs(sums).max(axis=0)) & ((~spread).mean(axis=0) <= WITHOUT_SPREAD)
    # Where nothing varies the product is infinity times 0, and not wanted.
    with np.errstate(invalid="ignore"):
        return np.where(sound, mean - upper * error, np.nan), np.where(sound, mean - lower * error, np.nan)


def share_interval(sums: np.ndarray, sizes: np.ndarray) -> tuple[float, float]:
    """Return Wilson's interval of a share, of which each paper has `sums` times yes among its `sizes` questions."""
    import numpy as np
    from scipy.stats import t

    papers, questions = len(sizes), float(sizes.sum())
    mean, error, _ = (of[0] for of in _mean_and_error(sums[:, None], sizes))
    # Questions of a paper that are answered alike count for one. Without a spread nothing says how alike they are.
    independent = min(questions, mean * (1 - mean) / error**2) if error > 0 else float(papers)
    square = t.ppf((1 + CONFIDENCE) / 2, papers - 1) ** 2 / independent
    middle = (mean + square / 2) / (1 + square)
    half = np.sqrt(square * (mean * (1 - mean) + square / 4)) / (1 + square)
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def _mean_and_error(sums: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return of each set the mean per question, its standard error, and each paper's sum less what it expects."""
    import numpy as np

    papers, total = len(sizes), sizes.sum()
    mean = sums.sum(axis=0) / total
    # Centred, which moves every resample's mean alike and keeps the squares of it free of cancellation.
    centred = sums - np.outer(sizes, mean)
    return mean, np.sqrt(papers / (papers - 1) * (centred**2).sum(axis=0)) / total, centred


def sign_flip_p(values: Sequence[float], papers: Sequence[str], seed: int = 0) -> float:
    """Return the two-sided p-value of a mean difference of zero, by a paired permutation test.

    Where the two do not differ, each paper's difference is as likely to have the opposite sign. All combinations of
    signs are gone through where papers are few; else the observed one is counted among the random ones, so that p is
    never 0 (Phipson and Smyth 2010, https://doi.org/10.2202/1544-6115.1585).
    """
    import numpy as np

    sums, _ = _by_paper(values, papers)
    if len(sums) <= EXACT_PAPERS:
        signs = 1 - 2.0 * ((np.arange(2 ** len(sums))[:, None] >> np.arange(len(sums))) & 1)
        extra = 0
    else:
        signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(FLIPS, len(sums)))
        extra = 1
    # Sums that are equal in exact arithmetic may differ in their last bits.
    reached = abs(signs @ sums) >= abs(sums.sum()) - 1e-12 * max(1.0, abs(sums).sum())
    return float((reached.sum() + extra) / (len(signs) + extra))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p-values corrected for their number, in the same order.

    Holm's step-down method (1979, https://www.jstor.org/stable/4615733): no assumption on how the tests hang together.
    """
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    corrected = [0.0] * len(p_values)
    highest = 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = highest
    return corrected


def _by_paper(values: Sequence[float], papers: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return each paper's sum of values and number of values, the same whatever the order of the rows."""
    import numpy as np

    values = np.asarray(values, dtype=np.float64)
    _, places = np.unique(np.asarray(papers), return_inverse=True)
    # A sum's last bits depend on the order of what is added.
    order = np.lexsort((values, places))
    return np.bincount(places[order], weights=values[order]), np.bincount(places).astype(np.float64)


# A count of papers comes again for each model, measure and part; one for 150 papers takes 12 MB.
@lru_cache(maxsize=16)
def _counts(papers: int, seed: int) -> np.ndarray:
    """Return how often each paper is in each resample: (RESAMPLES, papers)."""
    import numpy as np

    return np.random.default_rng(seed).multinomial(papers, [1 / papers] * papers, size=RESAMPLES).astype(np.float64)
