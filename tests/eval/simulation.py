"""Similarities as an evaluation gives them, drawn from a distribution whose mean is known."""

from __future__ import annotations

import numpy as np


def simulated_sets(papers: int, sets: int, seed: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the sums over each paper's questions (papers, sets), the numbers of questions (papers,), and the truth.

    One to three questions a paper. A similarity is 0.6 of the paper's own level and 0.4 of the question's, two Beta
    distributions that lean to the right end, as real similarities do: their means are 6 / 9 and 4 / 5.
    """
    random = np.random.default_rng(seed)
    sizes = random.integers(1, 4, size=papers)
    levels = random.beta(6, 3, size=(papers, sets))
    questions = random.beta(4, 1, size=(3, papers, sets))
    asked = np.arange(3)[:, None, None] < sizes[None, :, None]
    sums = ((0.6 * levels + 0.4 * questions) * asked).sum(axis=0)
    return sums, sizes.astype(np.float64), 0.6 * 6 / 9 + 0.4 * 4 / 5
