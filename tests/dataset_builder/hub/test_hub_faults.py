"""What goes wrong at the Hub: each fault ends in one message with its remedy, and a second run completes the push."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hub.commands import Commands, Done
from tests.hub.running import READER, WRITER, RunningHub, running_hub


@pytest.fixture(autouse=True)
def _faultless(hub: RunningHub) -> Iterator[None]:
    yield
    hub.orders()


def _push(commands: Commands, corpus: Path, repo: str, *words: str, token: str | None = WRITER) -> Done:
    given = ("push", "--dataset", corpus, "--repo-id", repo, "--contexts", "full", *words)
    return commands.run("dataset_builder", *given, token=token)


def _files(hub: RunningHub, repo: str) -> dict[str, str]:
    known = (
        hub.api("/api/datasets/" + repo)
        if (hub.root / f"repos/dataset--{repo.replace('/', '--')}.json").is_file()
        else None
    )
    return hub.files(f"datasets/{repo}") if known else {}


def _is_one_message(done: Done) -> bool:
    errors = [line for line in done.output.splitlines() if line.startswith("error: ")]
    return done.code == 2 and len(errors) == 1 and "Traceback" not in done.output


@pytest.mark.parametrize(
    ("token", "message"),
    [
        (
            None,
            "no token found, and a push needs one: create a token with write access at https://huggingface.co/settings/tokens",
        ),
        ("hf_wrong", "does not accept your token"),
        (READER, "your token has no write access"),
    ],
)
def test_token_that_will_not_do(
    hub: RunningHub, commands: Commands, corpus: Path, token: str | None, message: str
) -> None:
    """None, a wrong one, one that only reads: nothing is created."""
    done = _push(commands, corpus, "lab/tokens", token=token)
    assert _is_one_message(done) and message in done.output, done.output
    assert not token or token not in done.output
    assert _files(hub, "lab/tokens") == {}


@pytest.mark.parametrize("repo", ["isca-qa", "a/b/c", "lab/is--ca", "lab/isca qa"])
def test_invalid_repo_name(hub: RunningHub, commands: Commands, corpus: Path, repo: str) -> None:
    """Refused before the Hub is asked anything."""
    hub.take_requests()
    done = _push(commands, corpus, repo)
    assert _is_one_message(done) and "give NAMESPACE/NAME" in done.output
    assert hub.take_requests() == []


@pytest.mark.parametrize(
    "tag",
    ["v1 final", "v1..2", "v1.lock", "refs/tags/v1", "-v1"],
)
def test_invalid_tag(hub: RunningHub, commands: Commands, corpus: Path, tag: str) -> None:
    """The Hub would refuse it after everything else was done."""
    hub.take_requests()
    done = _push(commands, corpus, "lab/tags", f"--tag={tag}")
    assert _is_one_message(done) and "not a tag name" in done.output
    assert hub.take_requests() == []


def test_tag_that_fails_is_all_that_is_missing(hub: RunningHub, commands: Commands, corpus: Path) -> None:
    """The commit is visible by then, and the message says so; a second run sets the tag and commits nothing."""
    hub.orders({"method": "POST", "path": "/tag/", "times": 9, "status": 403})
    done = _push(commands, corpus, "lab/tag-last", "--tag", "v1")
    commits = hub.commits("datasets/lab/tag-last")
    assert _is_one_message(done), done.output
    state = f"the commit {commits[0]['id'][:12]} is complete; run the same command again to create the tag"
    assert state in done.output
    assert "shows nothing of it" not in done.output
    hub.orders()
    assert _push(commands, corpus, "lab/tag-last", "--tag", "v1").code == 0
    tags = hub.api("/api/datasets/lab/tag-last/refs")["tags"]
    assert [(tag["name"], tag["targetCommit"]) for tag in tags] == [("v1", commits[0]["id"])]
    assert hub.commits("datasets/lab/tag-last") == commits


def test_push_resumes_after_the_hub_was_killed(corpus: Path, tmp_path: Path) -> None:
    """The files are uploaded; from its disk it shows no commit, and a second push sends none of them again."""
    words = ("-m", "dataset_builder", "push", "--dataset", corpus, "--repo-id", "lab/half-way", "--contexts", "full")
    with running_hub(tmp_path / "hub") as hub:
        hub.orders({"method": "POST", "path": "/commit/main$", "times": 1, "killed": True})
        done = hub.run(tmp_path / "home", *words)
        assert done.returncode == 2 and "the connection to the Hub failed" in done.stderr, done.stderr
        assert "run the same command again" in done.stderr and "Traceback" not in done.stderr
        assert WRITER not in done.stdout + done.stderr
    with running_hub(tmp_path / "hub") as hub:
        assert _files(hub, "lab/half-way") == {}
        hub.take_requests()
        done = hub.run(tmp_path / "home", *words)
        assert done.returncode == 0, done.stderr
        assert not [request for request in hub.take_requests() if request.startswith("PUT /lfs/")]
        assert len(_files(hub, "lab/half-way")) == 8
        assert len(hub.commits("datasets/lab/half-way")) == 2


def test_commit_whose_answer_was_lost_is_not_made_again(hub: RunningHub, commands: Commands, corpus: Path) -> None:
    """The Hub took it; a second run finds everything there, and sets the tag that the first could not."""
    hub.orders({"method": "POST", "path": "/commit/main$", "times": 1, "lost": True})
    done = _push(commands, corpus, "lab/unheard", "--tag", "v1")
    assert _is_one_message(done) and "the connection to the Hub failed" in done.output, done.output
    assert len(_files(hub, "lab/unheard")) == 8
    hub.orders()
    done = _push(commands, corpus, "lab/unheard", "--tag", "v1")
    assert (done.code, "Everything is there already" in done.output) == (0, True), done.output
    assert len(hub.commits("datasets/lab/unheard")) == 2
    assert [tag["name"] for tag in hub.api("/api/datasets/lab/unheard/refs")["tags"]] == ["v1"]


def test_peoples_files_stay(hub: RunningHub, commands: Commands, corpus: Path, tmp_path: Path) -> None:
    """Parquet files anywhere, also one that is named like a split of a corpus."""
    code = """
from huggingface_hub import CommitOperationAdd, HfApi
paths = ["notes.parquet", "plain/extra.parquet", "old/test-00000-of-00002.parquet"]
operations = [CommitOperationAdd(path, path.encode()) for path in paths]
HfApi().create_commit("lab/shared", operations, commit_message="Mine", repo_type="dataset")
"""
    assert _push(commands, corpus, "lab/shared").code == 0
    ours = _files(hub, "lab/shared").keys()
    done = hub.run(tmp_path, "-c", code)
    assert done.returncode == 0, done.stderr
    assert _push(commands, corpus, "lab/shared").code == 0
    theirs = {"notes.parquet", "plain/extra.parquet", "old/test-00000-of-00002.parquet"}
    assert _files(hub, "lab/shared").keys() == ours | theirs


@pytest.mark.parametrize(
    ("path", "fault", "message"),
    [
        ("/commit/main$", {"status": 412}, "another change of the repo came first"),
        ("/commit/main$", {"status": 429, "headers": {"Retry-After": "3600"}}, "wait 3600 s;"),
        ("/commit/main$", {"status": 503}, "the Hub has a fault (503"),
        ("/repos/create$", {"cut": 0}, "the connection to the Hub failed"),
    ],
)
def test_push_that_fails_shows_nothing_and_a_second_completes_it(
    hub: RunningHub, commands: Commands, corpus: Path, path: str, fault: dict[str, Any], message: str
) -> None:
    """The message says so, and does not contain the token."""
    repo = f"lab/fault-{next(iter(fault.values()))}"
    hub.orders({"method": "POST", "path": path, "times": 1} | fault)
    done = _push(commands, corpus, repo)
    assert _is_one_message(done) and message in done.output, done.output
    assert "the repo shows nothing of it" in done.output and WRITER not in done.output
    assert _files(hub, repo) == {}
    hub.orders()
    assert _push(commands, corpus, repo, "--tag", "v1").code == 0
    assert len(hub.commits(f"datasets/{repo}")) == 2


def test_gone_hub_is_named(corpus: Path, hub: RunningHub, tmp_path: Path) -> None:
    """Nothing listens where HF_ENDPOINT points. What only reads does not say that it began something."""
    words = ("push", "--dataset", corpus, "--repo-id", "lab/x", "--contexts", "full", "--dry-run")
    done = hub.run(tmp_path / "home", "-m", "dataset_builder", *words, HF_ENDPOINT="http://127.0.0.1:9")
    assert done.returncode == 2 and "the connection to the Hub failed" in done.stderr
    assert done.stderr.endswith("; nothing was changed; run the same command again\n")
    assert "Traceback" not in done.stderr
