"""Compare each trained system with the best baseline: the best that a model does without training here."""

from eval.analysis.scores import DifferenceScore, Scores
from eval.metrics.lexical import HEADLINE


def compared_systems(scores: Scores) -> list[str]:
    """Return the systems that are compared with each other: all but those that do not see the abstract."""
    return [name for name, system in scores.systems.items() if system.role != "closed-book"]


def best_baseline(scores: Scores, config: str) -> str | None:
    """Return the baseline with the highest mean similarity on one config, the first one in a tie; None without any."""
    means = {
        name: system.configs[config].metrics[HEADLINE].mean
        for name, system in scores.systems.items()
        if system.role == "baseline" and config in system.configs
    }
    return max(means, key=means.__getitem__, default=None)


def differences_by_pair(scores: Scores, config: str) -> dict[tuple[str, str], DifferenceScore]:
    """Return each difference on one config by the names of its systems, in both directions."""
    found = {(score.first, score.second): score for score in scores.differences[config]}
    return found | {(score.second, score.first): score.opposite() for score in scores.differences[config]}


def gains(scores: Scores, config: str) -> list[DifferenceScore]:
    """Return the paired difference of each trained system from the best baseline on one config."""
    baseline = best_baseline(scores, config)
    found = differences_by_pair(scores, config)
    return [
        found[name, baseline]
        for name, system in scores.systems.items()
        if system.role == "trained" and baseline is not None and (name, baseline) in found
    ]
