"""Build corpora from odd and from damaged input, and kill builds with SIGKILL at random moments.

python -m tests.stress_build --count 1000 --kills 20
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.checked_build import check_build, run_in_process
from tests.conftest import REPOSITORY, contents
from tests.corpus_slice import CORPUS_SLICE
from tests.odd_input import KINDS
from tests.random_kills import KilledCommand
from tests.small_sources import write_sources

FILES = ("papers/isca_2020.jsonl", "papers/isca_2023.jsonl", "qa/t/isca_2020.jsonl", "qa/u/isca_2023.jsonl")
ODD_VALUES = [None, True, 0, -1, 10**30, 2020.5, "", " ", "2020", [], ["a"], {}, {"a": 1}, "\ud800", "\0", "a" * 5000]
ODD_VALUES += ["10.1/train", "https://doi.org/10.1/TEST", "../../evil", "ISCA", "Question 1 on A Train?", float("nan")]
ODD_BYTES = [
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\r",
    b"\n",
    b'"',
    b"{",
    b"}",
    b"[" * 2000,
    b"\\ud800",
    b"9" * 5000,
    b",",
]


def _damage_bytes(content: bytes, draw: random.Random) -> bytes:
    """Cut, insert, delete, repeat or change bytes at a random place."""
    start = draw.randrange(len(content) + 1)
    end = min(len(content), start + draw.choice((1, 2, 10, 100)))
    return draw.choice(
        (
            content[:start],
            content[start:],
            content[:start] + content[end:],
            content[:end] + content[start:],
            content[:start] + draw.choice(ODD_BYTES) + content[start:],
            content[:start] + bytes([draw.randrange(256)]) + content[start + 1 :],
        )
    )


def _damage_record(content: bytes, draw: random.Random) -> bytes:
    """Change a key of a random record; the file stays JSON Lines."""
    lines = content.splitlines()
    number = draw.randrange(len(lines))
    record = json.loads(lines[number])
    key = draw.choice(list(record))
    match draw.randrange(4):
        case 0:
            del record[key]
        case 1:
            record[key] = draw.choice(list(record.values()))
        case _:
            record[key] = draw.choice(ODD_VALUES)
    changed = json.dumps(record).encode()
    lines[number : number + 1] = draw.choice(([changed], [changed], [changed, lines[number]]))
    return b"\n".join(lines) + draw.choice((b"\n", b"", b"\n\n"))


def damage(folder: Path, draw: random.Random) -> None:
    """Damage one to three of the input's files."""
    for _ in range(draw.randint(1, 3)):
        path = folder / draw.choice(FILES)
        change = draw.choice((_damage_bytes, _damage_record))
        try:
            path.write_bytes(change(path.read_bytes(), draw))
        except (ValueError, IndexError):
            # The file was damaged before, and its records cannot be changed any more.
            path.write_bytes(_damage_bytes(path.read_bytes(), draw))


def stress_input(count: int, seed: int, folder: Path) -> Counter[str]:
    """Build from each odd kind of input, and from `count` damaged ones; return the number of exit codes."""
    codes: Counter[str] = Counter()

    def check(name: str, change: Callable[[Path], object]) -> int:
        case = folder / "case"
        shutil.rmtree(case, ignore_errors=True)
        case.mkdir()
        write_sources(case)
        change(case)
        try:
            return check_build(case)[0]
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from None

    for kind in KINDS:
        code = check(kind.name, kind.change)
        assert code == kind.code, f"{kind.name}: exit code {code}, not {kind.code}"
        codes[f"odd kinds, exit code {code}"] += 1
    for number in range(count):
        draw = random.Random(f"{seed} {number}")
        code = check(f"damaged input {number} of seed {seed}", lambda case, draw=draw: damage(case, draw))
        codes[f"damaged input, exit code {code}"] += 1
    return codes


def stress_kills(kills: int, seed: int, folder: Path) -> Counter[str]:
    """Kill `kills` builds that replace a corpus; return how often the old and the new corpus was there afterwards."""
    words = ["build", "--papers", f"{CORPUS_SLICE}/papers", "--qa", f"{CORPUS_SLICE}/qa"]
    words += ["--train-teacher", "detailed", "--license", "apache-2.0", "--test-teachers", "plain"]

    def build(name: str, *others: str) -> dict[str, bytes]:
        code, message = run_in_process([*words, *others, "--out", str(folder / name / "corpus")])
        assert code == 0, message
        return contents(folder / name / "corpus")

    def start() -> subprocess.Popen[bytes]:
        shutil.rmtree(folder / "killed", ignore_errors=True)
        shutil.copytree(folder / "old", folder / "killed")
        command = [sys.executable, "-m", "dataset_builder", *words, "detailed", "--out", str(folder / "killed/corpus")]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.Popen(command, cwd=REPOSITORY, start_new_session=True, **quiet)

    old, new = build("old"), build("new", "detailed")
    assert old != new
    command = KilledCommand(start, (folder / "killed/.partial.corpus").exists)
    seconds = command.measure()
    counts: Counter[str] = Counter()
    for was_killed, name in command.kills(kills, seed, seconds):
        found = contents(folder / "killed/corpus")
        assert found in (old, new), f"{name}: neither the old nor the new corpus: {sorted(found)}"
        state = "killed" if was_killed else "ended before the kill"
        counts[f"{state}, {'old' if found == old else 'new'} corpus"] += 1
        assert build("killed", "detailed") == new, f"{name}: the next build gives other files"
        left = sorted(path.name for path in (folder / "killed").iterdir())
        assert left == ["corpus"], f"{name}: left behind: {left}"
    return counts


def main() -> None:
    """Run both parts and print the figures; exit with 1 at the first failing case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000, help="damaged inputs; default: %(default)s")
    parser.add_argument("--kills", type=int, default=20, help="killed builds; default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stress_build-") as folder:
        try:
            counts = stress_input(arguments.count, arguments.seed, Path(folder))
            counts += stress_kills(arguments.kills, arguments.seed, Path(folder))
        except AssertionError as error:
            sys.exit(f"failed: {error}")
    for name, count in counts.items():
        sys.stdout.write(f"{name}: {count}\n")


if __name__ == "__main__":
    main()
