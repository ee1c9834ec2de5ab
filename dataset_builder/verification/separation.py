"""Measure how well scores separate supported from unsupported answers: AUROC, a threshold, precision and recall."""

from collections.abc import Sequence
from itertools import pairwise

from dataset_builder.formats import FileFormat


class FlaggedErrors(FileFormat):
    """How well a threshold finds unsupported answers.

    `precision` is the share of the answers below the threshold that are unsupported, null if there is none. `recall`
    is the share of the unsupported answers that are below it.
    """

    precision: float | None
    recall: float


def auroc(supported: Sequence[float], unsupported: Sequence[float]) -> float:
    """Return the share of pairs in which the supported answer has the higher score; equal scores count one half.

    Raises `ValueError` if one of the two is empty.
    """
    from scipy.stats import rankdata

    if not supported or not unsupported:
        raise ValueError("AUROC needs scores of supported and of unsupported answers")
    ranks = rankdata([*supported, *unsupported])[: len(supported)]
    count = len(supported)
    # Mann and Whitney 1947: the sum of ranks counts the pairs, and those within the group.
    return float((ranks.sum() - count * (count + 1) / 2) / (count * len(unsupported)))


def separating_threshold(supported: Sequence[float], unsupported: Sequence[float]) -> float:
    """Return the threshold with the highest mean of the shares on the right side of it (Youden's J).

    It is halfway between two neighbouring scores; of equally good ones it is the lowest. Raises `ValueError` if one of
    the two is empty.
    """
    if not supported or not unsupported:
        raise ValueError("a threshold needs scores of supported and of unsupported answers")
    right, wrong = 1 / len(supported), 1 / len(unsupported)
    labelled = sorted([*((score, -right) for score in supported), *((score, wrong) for score in unsupported)])
    threshold = labelled[0][0]
    best = gain = 0.0
    for (score, weight), (following, _) in pairwise(labelled):
        gain += weight
        # The sums of shares have rounding errors.
        if following > score and gain > best + 1e-12:
            best, threshold = gain, (score + following) / 2
    return threshold


def flagged_errors(supported: Sequence[float], unsupported: Sequence[float], threshold: float) -> FlaggedErrors:
    """Return precision and recall of the answers below `threshold`; `unsupported` is not empty."""
    found = sum(score < threshold for score in unsupported)
    flagged = found + sum(score < threshold for score in supported)
    return FlaggedErrors(precision=found / flagged if flagged else None, recall=found / len(unsupported))
