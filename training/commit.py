"""Name the commit of the code, for the records of a run."""

import subprocess
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
# Code that decides the results.
CODE = ("dataset_builder", "eval", "training", "Makefile", "constraints.txt")


@cache
def starting_commit() -> str:
    """Return the commit at the first call in this process: a training calls it when it begins."""
    return describe_commit()


def describe_commit(repository: Path = REPOSITORY) -> str:
    """Return the short id of the checked-out commit, with a note if the code differs from it.

    An unpacked archive and an installed package have no commit: "unknown".
    """
    head = _git(repository, "rev-parse", "--short", "HEAD")
    # A package may be installed below a repository that is not the project's.
    if head is None or _git(repository, "rev-parse", "--show-cdup") != "":
        return "unknown"
    changed = _git(repository, "status", "--porcelain", "--", *CODE)
    return f"{head} with local changes" if changed else head


def _git(repository: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(["git", *words], cwd=repository, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
