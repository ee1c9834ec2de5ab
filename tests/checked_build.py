"""Run `build` in this process, and check what it made of its input."""

from __future__ import annotations

import json
import sys
import traceback
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

SPLITS = ("train", "validation", "test")


def build_words(folder: Path, out: str = "corpus") -> list[str]:
    """Return the command line that builds `folder`/corpus from small sources."""
    words = ["build", "--papers", f"{folder}/papers", "--qa", f"{folder}/qa", "--train-teacher", "t"]
    return [*words, "--test-teachers", "u", "--out", f"{folder}/{out}"]


def run_in_process(words: list[str]) -> tuple[int, str]:
    """Run `python -m dataset_builder WORDS` in this process; return its exit code and what it wrote to stderr.

    An exception that would end the command with a traceback has exit code 1.
    """
    from dataset_builder.__main__ import parser
    from dataset_builder.command import run_stage

    errors = StringIO()
    code = 0
    with patch.object(sys, "argv", ["dataset_builder", *words]), redirect_stderr(errors), redirect_stdout(StringIO()):
        try:
            run_stage(parser())
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0
        except Exception:
            traceback.print_exc()
            code = 1
    return code, errors.getvalue()


def snapshot(folder: Path) -> dict[str, str | bytes]:
    """Return all that is in `folder` by path: the bytes of files, the targets of links, and the kinds of the rest."""

    def content(path: Path) -> str | bytes:
        if path.is_symlink():
            return f"link to {path.readlink()}"
        if path.is_file():
            return path.read_bytes()
        return "folder" if path.is_dir() else "other"

    return {str(path.relative_to(folder)): content(path) for path in sorted(folder.rglob("*"))}


def check_build(folder: Path) -> tuple[int, str]:
    """Build in `folder`; return exit code and message. Raises AssertionError if the build did not behave.

    A failed build prints one message and changes nothing. A finished one changes only the corpus, and its rows are the
    pairs of the input.
    """
    before = snapshot(folder)
    code, message = run_in_process(build_words(folder))
    errors = [line for line in message.splitlines() if line.startswith("error: ")]
    assert code in (0, 2), f"exit code {code}: {message}"
    assert len(errors) == (1 if code else 0), f"exit code {code} with {len(errors)} messages: {message}"
    after = snapshot(folder)
    if code == 0:
        _check_corpus(folder)
        after = {name: value for name, value in after.items() if not name.startswith("corpus")}
        before = {name: value for name, value in before.items() if not name.startswith("corpus")}
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    assert not changed, f"exit code {code}, changed: {changed}"
    return code, message


def _check_corpus(folder: Path) -> None:
    """Check that each row is a pair of the input on a paper of the input, and that no pair is lost."""
    import pyarrow.parquet as pq

    teachers = {"train": "t", "validation": "t", "test": "u"}
    rows = {
        split: pq.read_table(folder / f"corpus/{teacher}/{split}-00000-of-00001.parquet").to_pylist()
        for split, teacher in teachers.items()
    }
    abstracts = {
        abstract.strip()
        for path in (*folder.glob("papers/*_[0-9]*.jsonl"), *folder.glob("papers/*_[0-9]*.json"))
        for record in _records(path)
        if (abstract := record["abstract"])
    }
    pairs = {teacher: _pairs(folder, teacher) for teacher in "tu"}
    for split, of_split in rows.items():
        teacher = "u" if split == "test" else "t"
        for row in of_split:
            assert (row["question"], row["answer"]) in pairs[teacher], f"{split}: a row that is no pair of {teacher}"
            assert row["context"] in abstracts, f"{split}: a context that is no abstract of the input"
            assert (row["year"] >= 2022) == (split == "test"), f"{split}: a row of {row['year']}"
    for first, second in ((0, 1), (0, 2), (1, 2)):
        common = {row["context"] for row in rows[SPLITS[first]]} & {row["context"] for row in rows[SPLITS[second]]}
        assert not common, f"in {SPLITS[first]} and in {SPLITS[second]}: {common}"
    dropped = json.loads((folder / "corpus/report.json").read_text())["dropped"]
    lost = sum(map(len, pairs.values())) - sum(map(len, rows.values()))
    assert lost == sum(dropped["train"].values()) + sum(dropped["test"]["u"].values()), f"{lost} pairs are missing"


def _pairs(folder: Path, teacher: str) -> list[tuple[str, str]]:
    records = [record for path in folder.glob(f"qa/{teacher}/isca_[0-9]*.jsonl") for record in _records(path)]
    return [(record["question"].strip(), record["answer"].strip()) for record in records]


def _records(path: Path) -> list[dict[str, Any]]:
    text = path.read_bytes().decode("utf-8-sig")
    return (
        json.loads(text) if path.suffix == ".json" else [json.loads(line) for line in text.split("\n") if line.strip()]
    )
