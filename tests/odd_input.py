"""List odd kinds of input of `build`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.small_sources import append

PAPERS, PAIRS = "papers/isca_2020.jsonl", "qa/t/isca_2020.jsonl"


@dataclass(frozen=True)
class Kind:
    """A change of small sources, the exit code of `build` on the result, and a part of its message."""

    name: str
    change: Callable[[Path], object]
    code: int
    message: str = ""


def _rewrite(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(change((folder / name).read_bytes()))


def _edit(name: str, **changes: object) -> Callable[[Path], object]:
    """Change keys of the first record of a file."""

    def change(content: bytes) -> bytes:
        first, *others = content.splitlines(keepends=True)
        return b"".join([json.dumps(json.loads(first) | changes).encode() + b"\n", *others])

    return _rewrite(name, change)


def _add(name: str, line: str | bytes) -> Callable[[Path], object]:
    data = line.encode() if isinstance(line, str) else line
    return _rewrite(name, lambda content: content + data + b"\n")


def _replace(name: str, make: Callable[[Path], object]) -> Callable[[Path], object]:
    """Put something else in the place of a file."""

    def change(folder: Path) -> None:
        (folder / name).unlink()
        make(folder / name)

    return change


def _link(name: str, target: str) -> Callable[[Path], object]:
    return _replace(name, lambda path: path.symlink_to(target))


def _move_and_link(folder: Path) -> None:
    (folder / "papers").rename(folder / "elsewhere")
    (folder / "papers").symlink_to("elsewhere")


def _second_venue(folder: Path) -> None:
    for year in (2020, 2023):
        content = (folder / f"papers/isca_{year}.jsonl").read_text()
        moved = content.replace('"isca"', '"micro"').replace("10.1/", "10.2/").replace("of A ", "of another ")
        moved = (
            moved.replace('"A T', '"The Other T').replace('"A V', '"The Other V').replace("small", f"large in {year}")
        )
        (folder / f"papers/micro_{year}.jsonl").write_text(moved)


def _raw_list(folder: Path) -> None:
    lines = (folder / PAPERS).read_text().splitlines()
    raw = [{key: json.loads(line)[key] for key in ("title", "paper_url", "abstract")} for line in lines]
    (folder / "papers/isca_2020.json").write_text(json.dumps(raw, indent=2))
    (folder / PAPERS).unlink()


def _raw(value: object) -> Callable[[Path], object]:
    return lambda folder: (folder / "papers/isca_2019.json").write_text(json.dumps(value))


def _rename_file(name: str) -> Callable[[Path], object]:
    """Rename the training teacher's file of pairs."""
    return lambda folder: (folder / PAIRS).rename(folder / "qa/t" / name)


def _fill_out(name: str, content: bytes) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        (folder / "corpus").mkdir()
        (folder / "corpus" / name).write_bytes(content)

    return change


PAPER = '{"paper_id": "10.1/new", "title": "New", "year": 2020, "venue": "isca", "paper_url": "u", "abstract": '
PAIR = '{"paper_id": "10.1/train", "teacher": "t", "answer": "An answer.", "question": '
NOT_JSON, CORRECT = "not a JSON line", "correct the paper"

KINDS = [
    Kind("nothing odd", lambda folder: None, 0),
    # Encodings and ends of lines.
    Kind("byte order marks", lambda f: [_rewrite(n, lambda c: b"\xef\xbb\xbf" + c)(f) for n in (PAPERS, PAIRS)], 0),
    Kind("CRLF", lambda f: [_rewrite(n, lambda c: c.replace(b"\n", b"\r\n"))(f) for n in (PAPERS, PAIRS)], 0),
    Kind("CR only", _rewrite(PAPERS, lambda content: content.replace(b"\n", b"\r")), 2, NOT_JSON),
    Kind("no newline at the end", _rewrite(PAIRS, lambda content: content.rstrip()), 0),
    Kind("blank lines", _rewrite(PAIRS, lambda content: b"\n \n" + content.replace(b"\n", b"\n\t\n")), 0),
    Kind("UTF-16", _rewrite(PAPERS, lambda content: content.decode().encode("utf-16")), 2, NOT_JSON),
    Kind("Latin-1", _add(PAIRS, b'{"question": "caf\xe9"}'), 2, NOT_JSON),
    Kind("NUL bytes", _rewrite(PAPERS, lambda content: content + b"\0" * 4096), 2, NOT_JSON),
    Kind("NUL bytes in pairs", _rewrite(PAIRS, lambda content: content.replace(b"Answer", b"Ans\0wer")), 2, NOT_JSON),
    Kind("compressed", _rewrite(PAPERS, lambda content: b"\x1f\x8b\x08\x00" + content[::-1]), 2, NOT_JSON),
    Kind("comment line", _add(PAPERS, "# a comment"), 2, NOT_JSON),
    Kind("line separator in a text", _edit(PAIRS, answer="One\u2028two."), 0),
    Kind("a list in a JSON Lines file", _rewrite(PAPERS, lambda content: b"[" + content + b"]"), 2, NOT_JSON),
    # JSON.
    Kind("deep list", _add(PAPERS, "[" * 100_000), 2, NOT_JSON),
    Kind("deep object in an unknown key", _edit(PAPERS, more=json.loads("[" * 500 + "]" * 500)), 0),
    Kind("deep unknown key", _add(PAIRS, '{"a": ' * 50_000), 2, NOT_JSON),
    Kind("number of 5,000 digits", _add(PAPERS, '{"year": ' + "1" * 5000 + "}"), 2, NOT_JSON),
    Kind("number of 4,000 digits", _add(PAPERS, PAPER.replace("2020", "2" * 4000) + '"A."}'), 2, CORRECT),
    Kind("infinite year", _add(PAPERS, PAPER.replace("2020", "Infinity") + '"A."}'), 2, "year is inf"),
    Kind("year that is not a number", _add(PAPERS, PAPER.replace("2020", "NaN") + '"A."}'), 2, "year is nan"),
    Kind("fraction as a year", _edit(PAPERS, year=2020.5), 2, "year is 2020.5"),
    Kind("year as a text", _edit(PAPERS, year="2020"), 2, "year is '2020'"),
    Kind("negative year", _edit(PAPERS, year=-2020), 2, "year is -2020"),
    Kind("seed of 40 digits", _edit(PAIRS, seed=10**40), 0),
    Kind("key twice", _add(PAIRS, PAIR + '"First question?", "question": "Second question?"}'), 0),
    Kind("JSON null", _add(PAPERS, "null"), 2, "not a mapping of keys to values"),
    Kind("number as a line", _add(PAIRS, "7"), 2, "not a mapping of keys to values"),
    Kind("texts as lists", _edit(PAIRS, question=["What?"]), 2, "question is ['What?']"),
    # Characters.
    Kind("lone surrogate", _add(PAPERS, PAPER + '"\\ud800 A."}'), 2, "abstract is"),
    Kind("lone surrogate in a pair", _add(PAIRS, PAIR + '"What is \\udfff?"}'), 2, "question is"),
    Kind("lone surrogate in an unknown key", _add(PAPERS, PAPER + '"A.", "more\\ud800": "\\ud800"}'), 0),
    Kind("surrogate pair", _add(PAIRS, PAIR + '"What is \\ud83d\\ude00?"}'), 0),
    Kind("control characters", _edit(PAIRS, answer="A\u0000\u0001\u0007\u001b[31m\u007f."), 0),
    Kind("other scripts", _edit(PAIRS, question="\u4ec0\u4e48\u662f\u7f13\u5b58\uff1f", answer="\u0631\u062f."), 0),
    Kind("markup", _edit(PAPERS, title="{{ 7 * 7 }} {% raw %} <script>x</script> `|` $(id) [a](b)"), 0),
    Kind("YAML in a title", _edit(PAPERS, title="---\nlicense: mit\n---\n# T"), 0),
    Kind("abstract of 1 MB", _edit(PAPERS, abstract="Caches are small and fast. " * 40_000), 0),
    Kind("title of 1 MB", _edit(PAPERS, title="Caches " * 150_000), 0),
    Kind("answer of 1 MB", _edit(PAIRS, answer="Yes. " * 200_000), 0),
    Kind("one word of 1 MB", _edit(PAPERS, abstract="a" * 1_000_000), 0),
    Kind("spaces only", _edit(PAPERS, abstract=" \t "), 2, "abstract is"),
    Kind("empty question", _edit(PAIRS, question=""), 2, "question is ''"),
    Kind("empty id", _edit(PAPERS, paper_id=""), 2, "paper_id is ''"),
    Kind("very long id", _add(PAPERS, PAPER.replace("10.1/new", "x" * 100_000) + "null}"), 0),
    # Papers.
    Kind("paper twice", _rewrite(PAPERS, lambda content: content * 2), 2, "is a duplicate"),
    Kind("two papers with one id", _add(PAPERS, PAPER.replace("10.1/new", "10.1/TRAIN") + '"Text."}'), 0),
    Kind(
        "paper in two years", lambda f: append(f / "papers/isca_2021.jsonl", _paper(f) | {"year": 2021}), 2, "duplic"
    ),
    Kind("paper without an abstract", _add(PAPERS, PAPER + "null}"), 0),
    Kind("two venues", _second_venue, 0),
    Kind("file of another venue", lambda f: (f / PAPERS).rename(f / "papers/micro_2020.jsonl"), 2, "is of isca_2020"),
    Kind("raw list", _raw_list, 0),
    Kind("raw list and the same papers", lambda f: _raw([_paper(f)])(f), 2, "is a duplicate"),
    Kind("raw object", _raw({"title": "A"}), 2, "must be a JSON list"),
    Kind("raw list of texts", _raw(["A"]), 2, "not a mapping of keys to values"),
    Kind("raw list without an abstract", _raw([{"title": "N", "paper_url": "n"}]), 2, "has no 'abstract'"),
    Kind("raw list in a list", _raw([[[]]]), 2, "not a mapping of keys to values"),
    Kind("empty raw list", _raw([]), 0),
    Kind("empty raw file", lambda f: (f / "papers/isca_2019.json").write_text(""), 2, "cannot be read as JSON"),
    Kind("raw file that is cut off", lambda f: (f / "papers/isca_2019.json").write_text('[{"ti'), 2, "cannot be read"),
    # Files.
    Kind("empty papers file", lambda f: (f / "papers/isca_2019.jsonl").touch(), 0),
    Kind("empty file of papers with pairs", _rewrite(PAPERS, lambda content: b""), 2, "which is in no papers file"),
    Kind("empty pairs file", _rewrite(PAIRS, lambda content: b""), 2, "'train' would be empty"),
    Kind("folder as a papers file", _replace(PAPERS, Path.mkdir), 2, "is not a file"),
    Kind("folder as a pairs file", _replace(PAIRS, Path.mkdir), 2, "is not a file"),
    Kind("folder as a raw file", lambda f: (f / "papers/isca_2019.json").mkdir(), 2, "is not a file"),
    Kind("pipe as a papers file", _replace(PAPERS, os.mkfifo), 2, "is not a file"),
    Kind("pipe as a pairs file", _replace(PAIRS, os.mkfifo), 2, "is not a file"),
    Kind("link that leads nowhere", _link(PAPERS, "nowhere"), 2, "is not a file"),
    Kind("link to itself", _link(PAIRS, "isca_2020.jsonl"), 2, "is not a file"),
    Kind("link to a folder of papers", _move_and_link, 0),
    Kind("file as the folder of papers", lambda f: _swap(f, "papers"), 2, "folder not found"),
    Kind("file as the folder of a teacher", lambda f: _swap(f, "qa/t"), 2, "not found in"),
    Kind("other names", lambda f: append(f / "papers/ISCA-2020.jsonl", []), 0),
    Kind("name that is not UTF-8", lambda f: Path(os.fsdecode(bytes(f) + b"/papers/isca_\xff.jsonl")).touch(), 0),
    Kind("year that is not in digits 0 to 9", _rename_file("isca_\u0662\u0660\u0662\u0660.jsonl"), 2, "no file named"),
    # The manifest, and the output folder.
    Kind(
        "manifest of another program", lambda f: append(f / "qa/t/generation.json", {"a": 1}), 2, "generation.json: "
    ),
    Kind(
        "manifest that is not JSON", lambda f: (f / "qa/t/generation.json").write_bytes(b"\xff"), 2, "generation.json"
    ),
    Kind("unfinished pairs", lambda f: (f / "qa/t/.generate").mkdir(), 2, "has not finished its pairs"),
    Kind("output folder with notes", _fill_out("notes.txt", b"mine"), 2, "has files that are not of a corpus"),
    Kind(
        "odd report in it", _fill_out("report.json", b'{"train_teacher": 1, "test_teachers": 7}'), 2, "not of a corpus"
    ),
    Kind("deep report in it", _fill_out("report.json", b"[" * 100_000), 2, "not of a corpus"),
    Kind("file as the output folder", lambda f: (f / "corpus").write_text("mine"), 2, "this is a file"),
    Kind("output folder that links to itself", lambda f: (f / "corpus").symlink_to("corpus"), 2, "leads to itself"),
    Kind(
        "file with the name of the work folder", lambda f: (f / ".partial.corpus").write_text(""), 2, ".partial.corpus"
    ),
]


def _paper(folder: Path) -> dict[str, Any]:
    return json.loads((folder / PAPERS).read_text().splitlines()[0])


def _swap(folder: Path, name: str) -> None:
    (folder / name).rename(folder / "moved")
    (folder / name).write_text("a file")
