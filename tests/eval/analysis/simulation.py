"""Simulate sets of papers with a known true mean, and count how often intervals contain it.

`python -m tests.eval.analysis.simulation` prints the table of docs/evaluation.md: for each number
of papers, the percentage of 1,000 sets whose nominal 95 % interval contains the truth. It takes half a minute.
"""

from __future__ import annotations

import sys

import numpy as np

from eval.analysis import statistics
from eval.analysis.statistics import CONFIDENCE, intervals, share_interval

# With fewer papers, there is no interval if one paper has a quarter of the questions.
PAPERS = (20, 30, 50, 74, 150, 244)
SETS = 1000
SHARES = (0.1, 0.5, 0.9)


def simulated_sets(
    papers: int, sets: int, seed: int, largest: int | None = None
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the sums over each paper's questions (papers, sets), the numbers of questions (papers,), and the truth.

    One to three questions a paper; or one question, and `largest` on one further paper. A similarity is 0.6 of the
    paper's own level and 0.4 of the question's, two Beta distributions that lean to the right end, as real
    similarities do: their means are 6 / 9 and 4 / 5.
    """
    random = np.random.default_rng(seed)
    sizes = random.integers(1, 4, size=papers) if largest is None else np.array([1] * papers + [largest])
    levels = random.beta(6, 3, size=(len(sizes), sets))
    questions = random.beta(4, 1, size=(sizes.max(), len(sizes), sets))
    asked = np.arange(sizes.max())[:, None, None] < sizes[None, :, None]
    sums = ((0.6 * levels + 0.4 * questions) * asked).sum(axis=0)
    return sums, sizes.astype(np.float64), 0.6 * 6 / 9 + 0.4 * 4 / 5


def simulated_shares(papers: int, sets: int, seed: int, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Return sums and numbers of questions as `simulated_sets` does, where each question is a yes (1) or a no (0).

    A question is a yes with the probability `share`. Every other question has the answer of its paper's first one.
    """
    random = np.random.default_rng(seed)
    sizes = random.integers(1, 4, size=papers)
    yes = random.random((3, papers, sets)) < share
    yes = np.where(random.random(yes.shape) < 0.5, yes[:1], yes)
    asked = np.arange(3)[:, None, None] < sizes[None, :, None]
    return (yes * asked).sum(axis=0).astype(np.float64), sizes.astype(np.float64)


def percentile_intervals(sums: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the bounds of the plain percentile bootstrap over papers."""
    counts = statistics._resample_counts(len(sizes)).astype(np.float64)
    means = counts @ sums / (counts @ sizes)[:, None]
    tail = (1 - CONFIDENCE) / 2
    return tuple(np.quantile(means, [tail, 1 - tail], axis=0))


def covered(bounds: tuple[np.ndarray, np.ndarray], truth: float) -> float:
    """Return the percentage of the intervals that contain the truth; a missing interval does not."""
    low, high = bounds
    return 100 * float(np.mean((low <= truth) & (truth <= high)))


def share_intervals(sums: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the bounds of the share of each set."""
    return tuple(np.array([share_interval(column, sizes) for column in sums.T]).T)


def main() -> None:
    """Print the table, one line for each method."""
    table: dict[str, list[float]] = {}
    for papers in PAPERS:
        sums, sizes, truth = simulated_sets(papers, SETS, seed=0)
        table.setdefault("studentised", []).append(covered(intervals(sums, sizes), truth))
        table.setdefault("percentile", []).append(covered(percentile_intervals(sums, sizes), truth))
        # One paper has a quarter of the questions.
        sums, sizes, truth = simulated_sets(papers, SETS, seed=0, largest=round(papers / 3))
        table.setdefault("one large, studentised", []).append(covered(intervals(sums, sizes), truth))
        for share in SHARES:
            sums, sizes = simulated_shares(papers, SETS, seed=0, share=share)
            table.setdefault(f"share of {share}", []).append(covered(share_intervals(sums, sizes), share))
            bounds = percentile_intervals(sums, sizes)
            table.setdefault(f"share of {share}, percentile", []).append(covered(bounds, share))
    sys.stdout.write(f"{'papers':25}" + "".join(f"{papers:6}" for papers in PAPERS) + "\n")
    for name, row in table.items():
        sys.stdout.write(f"{name:25}" + "".join(f"{cell:6.1f}" for cell in row) + "\n")


if __name__ == "__main__":
    main()
