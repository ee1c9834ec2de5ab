"""The journal: complete lines only, one file for each process, records that are typed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from dataset_builder.errors import InputError
from dataset_builder.journal import Journal


@dataclass(frozen=True)
class Answer:
    """A record."""

    question: str
    text: str | None
    tokens: tuple[int, ...] = ()


A, B, C = Answer("a", "one\nline", (1, 2)), Answer("b", None), Answer("c", "drei \u2013 three")


def test_records_are_read_as_they_were_added(tmp_path: Path) -> None:
    """A second journal reads what the first has added, and each record once."""
    journal = Journal(tmp_path, "answers", Answer)
    assert journal.read_new() == []
    journal.append([A, B])
    assert journal.read_new() == [A, B]
    journal.append([C])
    assert journal.read_new() == [C]
    assert journal.read_new() == []
    assert Journal(tmp_path, "answers", Answer).read_new() == [A, B, C]


def test_batch_cut_off_by_a_kill_is_left_out(tmp_path: Path) -> None:
    """The incomplete line counts for nothing, and the next batch gets a line of its own."""
    journal = Journal(tmp_path, "answers", Answer)
    journal.append([A])
    journal.append([B, C])
    path = tmp_path / "answers-00000.jsonl"
    path.write_bytes(path.read_bytes()[:-4])
    journal = Journal(tmp_path, "answers", Answer)
    assert journal.read_new() == [A]
    journal.append([C])
    assert journal.read_new() == [C]
    assert Journal(tmp_path, "answers", Answer).read_new() == [A, C]


def test_line_that_could_not_be_written_leaves_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a disk that is full for a while: the next batch gets a line of its own."""
    journal = Journal(tmp_path, "answers", Answer)
    journal.append([A])

    def fail(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        journal.append([B])
    with pytest.raises(OSError, match="No space left"):
        Journal(tmp_path, "others", Answer).append([B])
    monkeypatch.undo()
    journal.append([C])
    assert Journal(tmp_path, "answers", Answer).read_new() == [A, C]
    assert Journal(tmp_path, "others", Answer).read_new() == []


def test_processes_read_each_other_and_write_their_own_file(tmp_path: Path) -> None:
    """An incomplete line of another process is left as it is and read when it is complete."""
    first, second = (Journal(tmp_path, "answers", Answer, process) for process in (0, 1))
    first.append([A])
    second.append([B])
    other = tmp_path / "answers-00001.jsonl"
    line = other.read_bytes()
    other.write_bytes(line + line[:5])
    assert first.read_new() == [A, B]
    assert other.read_bytes() == line + line[:5]
    other.write_bytes(line + line)
    assert first.read_new() == [B]
    assert second.read_new() == [A, B, B]


def test_records_are_replaced_as_a_whole(tmp_path: Path) -> None:
    """The files of other processes stay."""
    Journal(tmp_path, "answers", Answer, 1).append([B])
    journal = Journal(tmp_path, "answers", Answer)
    journal.append([A, B])
    journal.replace([C])
    assert journal.read_new() == [B]
    journal.append([A])
    assert Journal(tmp_path, "answers", Answer).read_new() == [C, A, B]


def test_line_of_another_format_is_refused(tmp_path: Path) -> None:
    """The message names the file and the remedy."""
    (tmp_path / "answers-00000.jsonl").write_text('{"question": "a"}\n')
    with pytest.raises(InputError, match=r"answers-00000\.jsonl: a line .* remove the file"):
        Journal(tmp_path, "answers", Answer).read_new()
