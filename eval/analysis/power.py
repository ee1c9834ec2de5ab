"""Compute what a test set can show: the smallest detectable difference, and whether two systems are equivalent.

Both follow from the standard error of the mean paired difference of two systems, with papers as the sampling unit.
"""

from bisect import bisect_left

from scipy.stats import t as student

from dataset_builder.errors import InputError
from eval.analysis.scores import EQUIVALENCE_MARGIN, FEWEST_PAPERS, SIGNIFICANT
from eval.analysis.statistics import smallest_p

# The share of repetitions in which a difference shall be found: the usual value (Cohen, Statistical Power Analysis for
# the Behavioral Sciences, 1988, section 2.4).
POWER = 0.8
# More than a difference of 0.001 needs, even if papers differ as much as similarities can, from -1 to 1.
MOST_PAPERS = 10**9


def smallest_detectable(standard_error: float | None, papers: int, comparisons: int) -> float | None:
    """Return the smallest true difference that the test finds in the share POWER of repetitions.

    The result is None without a standard error, and if the papers are too few for the test to find any difference.
    This is the minimum detectable effect (Bloom 1995, https://doi.org/10.1177/0193841X9501900504), which Miller 2024
    (https://arxiv.org/abs/2411.00640) recommends for language models: the standard error times Student's quantiles of
    the significance level and of the power. Holm's correction multiplies the smallest of the p-values of `comparisons`
    by their number. So the level is divided by it, and the difference is found however the other comparisons end.
    """
    if standard_error is None or comparisons * smallest_p(papers) >= SIGNIFICANT:
        return None
    level, freedom = SIGNIFICANT / comparisons, papers - 1
    return float((student.ppf(1 - level / 2, freedom) + student.ppf(POWER, freedom)) * standard_error)


def papers_needed(difference: float, standard_error: float, papers: int, comparisons: int) -> int:
    """Return how many papers make `difference` detectable, with as many questions on each as on the `papers` now.

    The standard error falls with the square root of the number of papers. Raises `InputError` if no number is enough.
    """

    def is_detectable(count: int) -> bool:
        smallest = smallest_detectable(standard_error * (papers / count) ** 0.5, count, comparisons)
        return smallest is not None and smallest <= difference

    counts = range(FEWEST_PAPERS, MOST_PAPERS)
    place = bisect_left(counts, True, key=is_detectable)
    if place == len(counts):
        problem = f"{MOST_PAPERS:,} papers do not show it with {comparisons} comparisons"
        raise InputError(f"difference {difference}: {problem}; compare fewer systems, or ask for a larger difference")
    return counts[place]


def equivalence_p(mean: float, standard_error: float | None, papers: int) -> float:
    """Return the p-value of the claim that the true difference is within EQUIVALENCE_MARGIN of 0, in both directions.

    Two one-sided tests (Schuirmann 1987, https://doi.org/10.1007/BF01068419): the larger of their p-values, which is
    that of the nearer end of the margin. Without a standard error the result is 1.
    """
    if standard_error is None:
        return 1.0
    distance = EQUIVALENCE_MARGIN - abs(mean)
    if standard_error == 0:
        return float(distance <= 0)
    return float(student.sf(distance / standard_error, papers - 1))
