"""Kill releases with SIGKILL at random moments, and repeat each. The Hub must then be as after an undisturbed release.

python -m tests.stress_release --kills 10
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from dataset_builder.corpus.build import build
from dataset_builder.corpus.load import corpus_revision
from tests.corpus_slice import CORPUS_SLICE
from tests.hub.running import REPOSITORY, RunningHub, running_hub
from tests.hub.store import Repo, Store
from tests.model_cards.small_release import write_small_release
from tests.random_kills import KilledCommand
from tests.tiny import write_tiny_gpt2


def write_release(folder: Path) -> list[str]:
    """Write a corpus, runs, a verifier and scores into `folder`, and return the command that releases them."""
    corpus, work = folder / "corpus", folder / "runs"
    build(CORPUS_SLICE / "papers", CORPUS_SLICE / "qa", "detailed", ["plain", "detailed"], corpus, "apache-2.0")
    model = write_tiny_gpt2(folder / "model", CORPUS_SLICE)
    write_small_release(work, model, str(corpus), corpus_revision(str(corpus)))
    words = ["-m", "model_cards", "release", "--org", "lab", "--tag", "v1", "--dataset", corpus]
    return [sys.executable, *map(str, [*words, "--scores", work / "scores.json", "--verifier", work / "verifier"])]


def clear(hub: RunningHub) -> None:
    """Remove everything from the Hub."""
    for name in ("repos", "commits", "objects", "collections"):
        for path in (hub.root / name).iterdir():
            path.unlink()


def _load(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted(folder.iterdir())]


def state(hub: RunningHub) -> dict[str, Any]:
    """Return what is on the Hub: the files of each commit, the tags, and the collections, without their random ids.

    Each commit is named by its repo and number in place of its id, in the files, too: the id depends on the time.
    """
    store = Store(hub.root)
    repos = [Repo(**found) for found in _load(hub.root / "repos")]
    names = {
        commit["id"]: f"commit {number} of {repo.kind} {repo.id}"
        for repo in repos
        for number, commit in enumerate(reversed(store.history(repo)))
    }

    def content(key: str) -> bytes:
        found = store.content_path(key).read_bytes()
        for sha, name in names.items():
            found = found.replace(sha.encode(), name.encode())
        return found

    commits = {
        name: {path: content(file.sha256 or file.oid) for path, file in store.files(sha).items()}
        for sha, name in names.items()
    }
    tags = {f"{repo.kind} {repo.id}": {tag: names[sha] for tag, sha in repo.tags.items()} for repo in repos}
    collections = [
        (one["title"], one["description"], [(item["type"], item["id"], item["note"]["text"]) for item in one["items"]])
        for one in _load(hub.root / "collections")
    ]
    return {"commits": commits, "tags": tags, "collections": collections}


def stress_kills(kills: int, seed: int, folder: Path, hub: RunningHub) -> Counter[str]:
    """Kill `kills` releases and repeat each; return how many commits and tags the killed ones had asked for."""
    words = write_release(folder)
    temporary = folder / "temporary"
    temporary.mkdir()
    environment = hub.environment(folder / "home") | {"TMPDIR": str(temporary)}

    def start() -> subprocess.Popen[bytes]:
        clear(hub)
        hub.take_requests()
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.Popen(words, cwd=REPOSITORY, env=environment, start_new_session=True, **quiet)

    command = KilledCommand(start, lambda: any((hub.root / "repos").iterdir()))
    seconds = command.measure()
    expected = state(hub)
    counts: Counter[str] = Counter()
    for was_killed, name in command.kills(kills, seed, seconds):
        asked = hub.take_requests()
        made = f"{sum('/commit/' in one for one in asked)} commits, {sum('/tag/' in one for one in asked)} tags"
        counts[f"{'killed' if was_killed else 'ended before the kill'} after {made}"] += 1
        done = subprocess.run(words, cwd=REPOSITORY, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{name}: the next release fails: {done.stdout}{done.stderr}"
        assert state(hub) == expected, f"{name}: the next release gives another state"
    return counts


def main() -> None:
    """Run, and print the counts; exit with 1 at the first failing case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=10, help="killed releases; default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stress_release-") as folder, running_hub(Path(folder) / "hub") as hub:
        try:
            counts = stress_kills(arguments.kills, arguments.seed, Path(folder), hub)
        except AssertionError as error:
            sys.exit(f"failed: {error}")
    for name, count in sorted(counts.items()):
        sys.stdout.write(f"{name}: {count}\n")


if __name__ == "__main__":
    main()
