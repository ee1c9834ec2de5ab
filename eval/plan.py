r"""Plan a test set: say how many papers a difference between two systems needs, by the scores of an evaluation.

python -m eval plan --scores runs/eval/scores.json --difference 0.02
"""

import argparse
from pathlib import Path

from rich.console import Console

from dataset_builder.errors import InputError
from dataset_builder.tables import Table, as_table
from eval.analysis.scores import FEWEST_PAPERS, Scores, read_scores


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `eval plan`."""
    add = command.add_argument
    add("--scores", type=Path, required=True, metavar="FILE", help="scores.json of `eval run`")
    difference_help = "true difference in similarity that the test shall find in 80 %% of repetitions"
    add("--difference", type=float, required=True, metavar="D", help=difference_help)


def run_command(arguments: argparse.Namespace) -> None:
    """Print how many papers each pair of systems needs."""
    if not 0.001 <= arguments.difference <= 1:
        raise InputError(f"--difference {arguments.difference}: must be from 0.001 to 1, for example 0.02")
    heading, rows = plan_table(read_scores(arguments.scores), arguments.difference)
    if not rows:
        reason = f"it has one system, fewer than {FEWEST_PAPERS} test papers, or was written by an older version"
        remedy = "evaluate two systems on more papers with `python -m eval run`"
        raise InputError(f"--scores {arguments.scores}: does not say how exact a difference is: {reason}; {remedy}")
    console = Console()
    console.print(as_table(heading, rows))
    console.print("Each paper is assumed to have as many questions as now.", soft_wrap=True)


def plan_table(scores: Scores, difference: float) -> Table:
    """Return for each pair of systems and each config what its test can detect, and the papers for `difference`."""
    from eval.analysis.power import papers_needed

    heading = ["difference", "test by", "papers", "smallest detectable", f"papers for {difference:g}"]
    rows = []
    for config, differences in scores.differences.items():
        pairs = [one for one in differences if one.second in scores.systems]
        for one in pairs:
            if one.standard_error is None:
                continue
            needed = papers_needed(difference, one.standard_error, one.papers, len(pairs))
            detectable = "" if one.detectable is None else f"{one.detectable:.3f}"
            name = f"{one.first} \N{MINUS SIGN} {one.second}"
            rows.append([name, config, f"{one.papers:,}", detectable, f"{needed:,}"])
    return heading, rows
