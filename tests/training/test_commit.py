"""The commit that the records of a run name."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from training import commit as code
from training.commit import describe_commit, starting_commit


def test_commit_of_an_archive_is_unknown(tmp_path: Path) -> None:
    """Outside a Git repository and below its top; there it is the short id, with a note on changed code."""
    assert describe_commit(tmp_path) == "unknown"
    git = ("git", "-C", tmp_path, "-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
    subprocess.run([*git, "init", "--quiet"], check=True)
    (tmp_path / "Makefile").write_text("all:\n")
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "--quiet", "--message", "Start"], check=True)
    commit = describe_commit(tmp_path)
    assert len(commit) >= 4 and " " not in commit
    (tmp_path / "README.md").write_text("text\n")
    assert describe_commit(tmp_path) == commit
    (tmp_path / "Makefile").write_text("none:\n")
    assert describe_commit(tmp_path) == f"{commit} with local changes"
    (tmp_path / "installed").mkdir()
    assert describe_commit(tmp_path / "installed") == "unknown"


def test_commit_of_a_run_is_the_one_at_its_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit that is checked out while a training runs is not the code that trains."""
    commits = iter(["first", "second"])
    monkeypatch.setattr(code, "describe_commit", lambda: next(commits))
    starting_commit.cache_clear()
    assert (starting_commit(), starting_commit()) == ("first", "first")
    starting_commit.cache_clear()
