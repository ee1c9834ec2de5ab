"""The readers and writers of the file formats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dataset_builder.errors import InputError
from dataset_builder.formats import FileFormat, Text, parse_format, read_format, write_format


class Part(FileFormat):
    """A nested part of a file."""

    threshold: float


class Example(FileFormat):
    """A file format."""

    name: Text
    year: int
    part: Part | None = None
    note: str | None = None


def test_written_file_is_read_back(tmp_path: Path) -> None:
    """As indented JSON with a final newline, and without a temporary file left over."""
    example = Example(name="größer", year=2024, part=Part(threshold=0.5))
    write_format(tmp_path / "example.json", example)
    assert read_format(Example, tmp_path / "example.json", "write it again") == example
    text = (tmp_path / "example.json").read_text(encoding="utf-8")
    assert text.startswith('{\n  "name": "größer",\n') and text.endswith("}\n")
    assert [path.name for path in tmp_path.iterdir()] == ["example.json"]


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"name": "a"}, "has no 'year'"),
        ({"name": "a", "year": "2024"}, "year is '2024': input should be a valid integer"),
        ({"name": "a", "yaer": 2024}, "unknown key 'yaer', the nearest is 'year'"),
        ({"name": "a", "year": 2024, "part": {}}, "has no 'part.threshold'"),
        (["a"], "the content is ['a'], not a mapping of keys to values"),
    ],
)
def test_value_that_does_not_fit_is_named(value: Any, problem: str) -> None:
    """The message has location, key, value and remedy."""
    with pytest.raises(InputError) as caught:
        parse_format(Example, value, "file.jsonl:3", "correct it")
    assert str(caught.value) == f"file.jsonl:3: {problem}; correct it"


@pytest.mark.parametrize("content", ["{", "[" * 100_000, '{"name": "caf\ud800'])
def test_file_that_is_not_json_is_named(tmp_path: Path, content: str) -> None:
    """Cut off, nested too deeply, not UTF-8."""
    path = tmp_path / "example.json"
    path.write_bytes(content.encode(errors="surrogatepass"))
    with pytest.raises(InputError, match=r"example\.json: cannot be read as JSON .*; write it again"):
        read_format(Example, path, "write it again")
