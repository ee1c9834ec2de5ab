"""Odd input of the build: each kind ends in a corpus, or in one message with exit code 2 and nothing changed."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import contents
from tests.small_sources import append

PAPERS, PAIRS = "papers/isca_2020.jsonl", "qa/t/isca_2020.jsonl"
PAPER = '{"paper_id": "10.1/new", "title": "New", "year": 2020, "venue": "isca", "paper_url": "u", "abstract": '
PAIR = '{"paper_id": "10.1/train", "teacher": "t", "answer": "An answer.", "question": '
NOT_JSON = "not a JSON line"
# Changes a folder of small sources.
Change = Callable[[Path], object]


def rewrite(name: str, change: Callable[[bytes], bytes]) -> Change:
    """Change the bytes of a file."""
    return lambda folder: (folder / name).write_bytes(change((folder / name).read_bytes()))


def edit(name: str, **changes: object) -> Change:
    """Change keys of the first record of a file."""

    def change(content: bytes) -> bytes:
        first, *others = content.splitlines(keepends=True)
        return b"".join([json.dumps(json.loads(first) | changes).encode() + b"\n", *others])

    return rewrite(name, change)


def add(name: str, line: str) -> Change:
    """Add a line to a file."""
    return rewrite(name, lambda content: content + line.encode() + b"\n")


def replace(name: str, make: Callable[[Path], object]) -> Change:
    """Put something else in the place of a file."""

    def change(folder: Path) -> None:
        (folder / name).unlink()
        make(folder / name)

    return change


def raw_list(folder: Path) -> None:
    """Write the papers of 2020 in the raw format."""
    records = [json.loads(line) for line in (folder / PAPERS).open()]
    raw = [{key: record[key] for key in ("title", "paper_url", "abstract")} for record in records]
    (folder / "papers/isca_2020.json").write_text(json.dumps(raw))
    (folder / PAPERS).unlink()


def fill_out(name: str, content: bytes) -> Change:
    """Write a file to the output folder."""

    def change(folder: Path) -> None:
        (folder / "corpus").mkdir()
        (folder / "corpus" / name).write_bytes(content)

    return change


ACCEPTED: dict[str, Change] = {
    "byte order mark": rewrite(PAPERS, lambda content: b"\xef\xbb\xbf" + content),
    "CRLF": rewrite(PAIRS, lambda content: content.replace(b"\n", b"\r\n")),
    "other scripts": edit(PAIRS, question="\u4ec0\u4e48\u662f\u7f13\u5b58\uff1f", answer="\u0631\u062f."),
    "markup": edit(PAPERS, title="{{ 7 * 7 }} {% raw %} <script>x</script> `|` $(id) [a](b)"),
    "YAML in a title": edit(PAPERS, title="---\nlicense: mit\n---\n# T"),
    "abstract of 1 MB": edit(PAPERS, abstract="Caches are small and fast. " * 40_000),
    "other keys": edit(PAIRS, authors=["A. Person"], keywords=None),
    "two papers with one id": add(PAPERS, PAPER.replace("10.1/new", "10.1/TRAIN") + '"Text."}'),
    "paper without an abstract": add(PAPERS, PAPER + "null}"),
    "raw list": raw_list,
    "empty papers file": lambda folder: (folder / "papers/isca_2019.jsonl").touch(),
    "name that is not UTF-8": lambda f: Path(os.fsdecode(bytes(f) + b"/papers/isca_\xff.jsonl")).touch(),
}
REFUSED: dict[str, tuple[Change, str]] = {
    "UTF-16": (rewrite(PAPERS, lambda content: content.decode().encode("utf-16")), NOT_JSON),
    "NUL bytes": (rewrite(PAPERS, lambda content: content + b"\0" * 4096), NOT_JSON),
    "deep list": (add(PAPERS, "[" * 100_000), NOT_JSON),
    "number of 5,000 digits": (add(PAPERS, '{"year": ' + "1" * 5000 + "}"), NOT_JSON),
    "lone surrogate": (add(PAIRS, PAIR + '"What is \\udfff?"}'), "question is"),
    "spaces only": (edit(PAPERS, abstract=" \t "), "abstract is"),
    "paper twice": (rewrite(PAPERS, lambda content: content * 2), "is a duplicate"),
    "file of another venue": (lambda f: (f / PAPERS).rename(f / "papers/micro_2020.jsonl"), "is of isca_2020"),
    "raw object": (lambda f: (f / "papers/isca_2019.json").write_text('{"title": "A"}'), "must be a JSON list"),
    "empty file of papers with pairs": (rewrite(PAPERS, lambda content: b""), "which is in no papers file"),
    "empty pairs file": (rewrite(PAIRS, lambda content: b""), "'train' would be empty"),
    "pipe as a papers file": (replace(PAPERS, os.mkfifo), "is not a file"),
    "link to itself": (replace(PAIRS, lambda path: path.symlink_to(path.name)), "is not a file"),
    "manifest of another program": (lambda f: append(f / "qa/t/generation.json", {"a": 1}), "generation.json: "),
    "unfinished pairs": (lambda f: (f / "qa/t/.generate").mkdir(), "has not finished its pairs"),
    "output folder with notes": (fill_out("notes.txt", b"mine"), "has files that are not of a corpus"),
    "file as the output folder": (lambda f: (f / "corpus").write_text("mine"), "this is a file"),
}


def run(sources: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Build the corpus of `sources` in this process; return the exit code and what the command wrote to stderr."""
    from dataset_builder.__main__ import parser
    from dataset_builder.command import run_stage

    words = ["build", "--papers", f"{sources}/papers", "--qa", f"{sources}/qa", "--train-teachers", "t"]
    words += ["--test-teachers", "u", "--out", f"{sources}/corpus"]
    monkeypatch.setattr(sys, "argv", ["dataset_builder", *words])
    try:
        run_stage(parser())
    except SystemExit as end:
        return int(end.code or 0), capsys.readouterr().err
    return 0, capsys.readouterr().err


@pytest.mark.parametrize("kind", ACCEPTED)
def test_odd_input_that_is_built(
    sources: Path, kind: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The corpus has a row for each pair."""
    from dataset_builder.corpus.report import read_corpus_report

    ACCEPTED[kind](sources)
    code, message = run(sources, monkeypatch, capsys)
    assert code == 0, message
    lines = (line for name in (PAIRS, "qa/u/isca_2023.jsonl") for line in (sources / name).open())
    pairs = sum(1 for line in lines if line.strip())
    counts = read_corpus_report(sources / "corpus").configs["u"].values()
    assert sum(count.pairs for count in counts) == pairs


@pytest.mark.parametrize("kind", REFUSED)
def test_odd_input_that_is_refused(
    sources: Path, kind: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With one message, and all files are what they were."""
    change, complaint = REFUSED[kind]
    change(sources)
    before = contents(sources)
    code, message = run(sources, monkeypatch, capsys)
    assert (code, complaint in message) == (2, True), message
    assert sum(line.startswith("error: ") for line in message.splitlines()) == 1
    assert contents(sources) == before
