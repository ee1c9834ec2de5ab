"""What goes wrong at the Hub: each fault ends in one message with its remedy, and a second run completes the push."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub.commands import Commands, Done
from tests.hub.running import READER, STRANGER, WRITER, RunningHub, running_hub

# The train split of the slice, some 45 kB: the connection is cut after a third of it.
CUT = {"method": "PUT", "path": "^/lfs/", "times": 100, "cut": 15_000}


@pytest.fixture(autouse=True)
def _faultless(hub: RunningHub) -> Iterator[None]:
    yield
    hub.orders()


@pytest.fixture
def nothing_uploaded(hub: RunningHub) -> Iterator[None]:
    """Take the uploaded contents away: the Hub keeps them for all repos, and what it has is not sent again."""
    contents = [path for path in (hub.root / "objects").iterdir() if len(path.name) == 64]
    for path in contents:
        path.rename(path.with_name(f"away-{path.name}"))
    yield
    for path in contents:
        path.with_name(f"away-{path.name}").rename(path)


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
        (STRANGER, "your token has no write access"),
    ],
)
def test_token_that_will_not_do(
    hub: RunningHub, commands: Commands, corpus: Path, token: str | None, message: str
) -> None:
    """None, a wrong one, one that only reads, one of somebody else: nothing is created."""
    done = _push(commands, corpus, "lab/tokens", token=token)
    assert _is_one_message(done) and message in done.output, done.output
    assert not token or token not in done.output
    assert _files(hub, "lab/tokens") == {}


def test_token_that_only_reads_leaves_a_repo_as_it_is(
    hub: RunningHub, commands: Commands, corpus: Path, sources: Path
) -> None:
    """On a repo that holds a corpus already."""
    assert _push(commands, corpus, "lab/mine").code == 0
    before = _files(hub, "lab/mine")
    given = ("push", "--dataset", corpus, "--repo-id", "lab/mine", "--contexts", "none")
    done = commands.run("dataset_builder", *given, token=READER)
    assert _is_one_message(done) and "your token has no write access" in done.output
    assert _files(hub, "lab/mine") == before


@pytest.mark.parametrize("repo", ["isca-qa", "a/b/c", "lab/is--ca", "lab/.isca", "lab/isca qa", "lab/isca.git"])
def test_invalid_repo_name(hub: RunningHub, commands: Commands, corpus: Path, repo: str) -> None:
    """Refused before the Hub is asked anything."""
    hub.take_requests()
    done = _push(commands, corpus, repo)
    assert _is_one_message(done) and "give NAMESPACE/NAME" in done.output
    assert hub.take_requests() == []


@pytest.mark.parametrize(
    ("tag", "message"),
    [
        ("v1 final", "not a tag name"),
        ("v1..2", "not a tag name"),
        ("v1.lock", "not a tag name"),
        ("refs/tags/v1", "not a tag name"),
        ("-v1", "not a tag name"),
        ("vé1", "not a tag name"),
        ("main", "this is the name of a branch or a commit"),
        ("HEAD", "this is the name of a branch or a commit"),
        ("0123456789" * 4, "this is the name of a branch or a commit"),
    ],
)
def test_invalid_tag(hub: RunningHub, commands: Commands, corpus: Path, tag: str, message: str) -> None:
    """Git or the Hub would refuse it after everything else was done, or it could not be loaded by its name."""
    hub.take_requests()
    done = _push(commands, corpus, "lab/tags", f"--tag={tag}")
    assert _is_one_message(done) and message in done.output
    assert hub.take_requests() == []


def test_tag_that_fails_is_all_that_is_missing(hub: RunningHub, commands: Commands, corpus: Path) -> None:
    """The commit is visible by then, and the message says so; a second run sets the tag and commits nothing."""
    for fault in ({"status": 500}, {"status": 403}, {"cut": 0}):
        hub.orders({"method": "POST", "path": "/tag/", "times": 9} | fault)
        done = _push(commands, corpus, "lab/tag-last", "--tag", "v1")
        commits = hub.commits("datasets/lab/tag-last")
        assert _is_one_message(done), done.output
        assert (
            f"the commit {commits[0]['id'][:12]} is complete; run the same command again to create the tag"
            in done.output
        )
        assert "shows nothing of it" not in done.output
        assert len(_files(hub, "lab/tag-last")) == 9
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
        assert len(_files(hub, "lab/half-way")) == 9
        assert len(hub.commits("datasets/lab/half-way")) == 2


def test_commit_whose_answer_was_lost_is_not_made_again(hub: RunningHub, commands: Commands, corpus: Path) -> None:
    """The Hub took it; a second run finds everything there, and sets the tag that the first could not."""
    hub.orders({"method": "POST", "path": "/commit/main$", "times": 1, "lost": True})
    done = _push(commands, corpus, "lab/unheard", "--tag", "v1")
    assert _is_one_message(done) and "the connection to the Hub failed" in done.output, done.output
    assert len(_files(hub, "lab/unheard")) == 9
    hub.orders()
    done = _push(commands, corpus, "lab/unheard", "--tag", "v1")
    assert (done.code, "Everything is there already" in done.output) == (0, True), done.output
    assert len(hub.commits("datasets/lab/unheard")) == 2
    assert [tag["name"] for tag in hub.api("/api/datasets/lab/unheard/refs")["tags"]] == ["v1"]


def test_peoples_files_stay(hub: RunningHub, commands: Commands, corpus: Path, tmp_path: Path) -> None:
    """Parquet files anywhere, also one that is named like a split of a corpus."""
    code = """
from huggingface_hub import CommitOperationAdd, HfApi
paths = ["notes.parquet", "plain/extra.parquet", "a/b/train-0.parquet", "old/test-00000-of-00002.parquet"]
operations = [CommitOperationAdd(path, path.encode()) for path in paths]
HfApi().create_commit("lab/shared", operations, commit_message="Mine", repo_type="dataset")
"""
    assert _push(commands, corpus, "lab/shared").code == 0
    ours = _files(hub, "lab/shared").keys()
    done = hub.run(tmp_path, "-c", code)
    assert done.returncode == 0, done.stderr
    assert _push(commands, corpus, "lab/shared").code == 0
    theirs = {"notes.parquet", "plain/extra.parquet", "a/b/train-0.parquet", "old/test-00000-of-00002.parquet"}
    assert _files(hub, "lab/shared").keys() == ours | theirs


@pytest.mark.parametrize(("repo", "front"), [("list", "- a list"), ("broken", "a: [broken"), ("words", "only words")])
def test_card_with_broken_metadata_is_named(
    hub: RunningHub, commands: Commands, corpus: Path, repo: str, front: str
) -> None:
    """The hand-written card on the Hub stays as it is."""
    repo = f"lab/card-{repo}"
    assert _push(commands, corpus, repo).code == 0
    race = {"repo": ["dataset", repo], "files": {"README.md": f"---\n{front}\n---\nMine."}}
    hub.orders({"method": "GET", "path": f"^/api/datasets/{repo}$", "times": 1, "race": race})
    done = _push(commands, corpus, repo)
    assert _is_one_message(done) and "cannot be read" in done.output, done.output
    assert "correct it on the Hub" in done.output
    assert hub.commits(f"datasets/{repo}")[0]["title"] == "somebody else's"


FAULTS = {
    "conflict": ({"method": "POST", "path": "/commit/main$", "times": 1, "status": 409}, "look at the repo", []),
    "always overtaken": (
        {"method": "POST", "path": "/commit/main$", "times": 9, "status": 412},
        "other commits came first each time",
        [],
    ),
    "limit far off": (
        {"method": "POST", "path": "/commit/main$", "times": 1, "status": 429, "headers": {"Retry-After": "3600"}},
        "wait 3600 s;",
        [],
    ),
    "fault at the commit": (
        {"method": "POST", "path": "/commit/main$", "times": 1, "status": 503},
        "the Hub has a fault (503",
        [],
    ),
    "fault that stays": (
        {"method": "POST", "path": "/preupload/main$", "times": 9, "status": 500},
        "the Hub has a fault (500",
        [1, 2, 4, 8, 8],
    ),
    "large file cut each time": (CUT, "the connection to the Hub failed", [1, 2, 4, 8, 8]),
    "gone at the commit": (
        {"method": "POST", "path": "/commit/main$", "times": 1, "cut": 0},
        "the connection to the Hub failed",
        [],
    ),
    "gone at the start": (
        {"method": "GET", "path": "^/api/datasets", "times": 1, "cut": 0},
        "the connection to the Hub failed",
        [],
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_push_that_fails_shows_nothing_and_a_second_completes_it(
    hub: RunningHub, commands: Commands, corpus: Path, nothing_uploaded: None, fault: str
) -> None:
    """Waits are the client's own: 1, 2, 4, 8 and 8 seconds, for each file that was being uploaded."""
    order, message, waits = FAULTS[fault]
    repo = f"lab/{fault.replace(' ', '-')}"
    hub.orders(order)
    done = _push(commands, corpus, repo)
    assert _is_one_message(done) and message in done.output, done.output
    states = {"gone at the start": "; nothing was changed; run", "conflict": "; look at the repo, then run it again"}
    assert states.get(fault, "the repo shows nothing of it") in done.output
    assert WRITER not in done.output
    assert set(done.waits) == set(waits) and len(done.waits) >= len(waits)
    assert _files(hub, repo) == {}
    hub.orders()
    assert _push(commands, corpus, repo, "--tag", "v1").code == 0
    assert len(_files(hub, repo)) == 9
    assert len(hub.commits(f"datasets/{repo}")) == 2


@pytest.mark.parametrize(
    ("path", "header", "waits"),
    [
        ("/commit/main$", {"Retry-After": "7"}, [7]),
        ("/tag/", {"RateLimit": '"api";r=0;t=9'}, [9]),
        ("/api/repos/create$", {}, [2]),
        # The client waits here by itself, and a second more than it is told.
        ("/preupload/main$", {"Retry-After": "7"}, [8]),
    ],
)
def test_push_waits_at_the_rate_limit(
    hub: RunningHub, commands: Commands, corpus: Path, path: str, header: dict[str, str], waits: list[float]
) -> None:
    """429 once, at each kind of request, with each header; the push continues after the wait."""
    hub.orders({"method": "POST", "path": path, "times": 1, "status": 429, "headers": header})
    repo = f"lab/limit-{len(path)}"
    done = _push(commands, corpus, repo, "--tag", "v1")
    assert (done.code, done.waits) == (0, waits), done.output
    assert len(_files(hub, repo)) == 9


def test_large_file_cut_once_is_sent_again(
    hub: RunningHub, commands: Commands, sources: Path, nothing_uploaded: None
) -> None:
    """The client's own second try is enough, and the push ends well."""
    from dataset_builder.corpus.build import build

    build(sources / "papers", sources / "qa", "t", ["u"], sources / "corpus", "other")
    hub.orders(CUT | {"times": 1, "cut": 1_000})
    done = _push(commands, sources / "corpus", "lab/cut-once")
    assert (done.code, done.waits) == (0, [1]), done.output
    assert len(_files(hub, "lab/cut-once")) == 8


def test_licence_that_the_hub_does_not_know(hub: RunningHub, commands: Commands, sources: Path) -> None:
    """Refused before the Hub is asked anything, with where to look."""
    from dataset_builder.corpus.build import build

    build(sources / "papers", sources / "qa", "t", ["u"], sources / "corpus", "apache2")
    hub.take_requests()
    done = _push(commands, sources / "corpus", "lab/licence")
    assert _is_one_message(done) and "'apache2' is not a licence id of the Hub" in done.output
    assert hub.take_requests() == []


def test_gone_hub_is_named(commands: Commands, corpus: Path, hub: RunningHub, tmp_path: Path) -> None:
    """Nothing listens where HF_ENDPOINT points. What only reads does not say that it began something."""
    push = ("push", "--dataset", corpus, "--repo-id", "lab/x", "--contexts", "full", "--dry-run")
    hydrate = (
        "hydrate",
        "--repo-id",
        "lab/x",
        "--papers",
        "dataset_builder/open_corpus/papers",
        "--out",
        tmp_path / "out",
    )
    for words in (push, hydrate):
        done = hub.run(tmp_path / "home", "-m", "dataset_builder", *words, HF_ENDPOINT="http://127.0.0.1:9")
        assert done.returncode == 2 and "the connection to the Hub failed" in done.stderr
        assert done.stderr.endswith("; nothing was changed; run the same command again\n")
        assert "Traceback" not in done.stderr
