"""The store of answers: whole lines alone, of this model alone, of all processes."""

from __future__ import annotations

from pathlib import Path

from dataset_builder.prompt import INSTRUCTION
from eval.generation.answer_store import AnswerStore, prompt_key
from eval.generation.shards import shard


def test_store_keeps_whole_lines_alone(tmp_path: Path) -> None:
    """A kill in the middle of a line loses that line; the next answers go onto lines of their own."""
    AnswerStore(tmp_path, "m", "weights").append({"a": "one", "b": "two\nlines"})
    partial = tmp_path / ".partial.m.0.jsonl"
    partial.write_bytes(partial.read_bytes()[:-4])
    store = AnswerStore(tmp_path, "m", "weights")
    assert store.answers == {"a": "one"}
    store.append({"b": "two\nlines"})
    assert AnswerStore(tmp_path, "m", "weights").answers == {"a": "one", "b": "two\nlines"}


def test_answers_of_other_weights_count_for_nothing(tmp_path: Path) -> None:
    """The model was trained anew since; neither partial nor joined answers of before are read."""
    old = AnswerStore(tmp_path, "m", "old")
    old.append({"a": "one"})
    old.join()
    old.append({"b": "two"})
    new = AnswerStore(tmp_path, "m", "new")
    assert new.answers == {}
    new.append({"a": "uno"})
    new.join()
    assert AnswerStore(tmp_path, "m", "new").answers == {"a": "uno"}
    assert [path.name for path in tmp_path.iterdir()] == ["m.jsonl"]


def test_processes_answers_are_joined_into_the_same_file_whatever_their_order(tmp_path: Path) -> None:
    """Two processes, then one that has all: equal bytes. A model whose name is longer keeps its own."""
    for folder, parts in (("two", [{"b": "2"}, {"a": "1"}]), ("one", [{"a": "1", "b": "2"}])):
        (tmp_path / folder).mkdir()
        for process, answers in enumerate(parts):
            AnswerStore(tmp_path / folder, "m", "weights", process).append(answers)
        AnswerStore(tmp_path / folder, "m-2", "others").append({"c": "3"})
        store = AnswerStore(tmp_path / folder, "m", "weights")
        store.join()
        assert store.answers == {"a": "1", "b": "2"}
    assert (tmp_path / "two/m.jsonl").read_bytes() == (tmp_path / "one/m.jsonl").read_bytes()
    assert AnswerStore(tmp_path / "two", "m-2", "others").answers == {"c": "3"}


def test_key_follows_the_prompt() -> None:
    """Another abstract or question is another prompt; title and year are no part of it."""
    row = {"instruction": INSTRUCTION, "context": "C", "question": "Q?"}
    assert prompt_key(row) == prompt_key({**row, "year": 2023})
    assert len({prompt_key(row), prompt_key({**row, "context": "D"}), prompt_key({**row, "question": "R?"})}) == 3


def test_parts_are_whole_papers_and_together_all() -> None:
    """Ten papers with two questions each among three processes."""
    rows = [{"context": "word " * (1 + number // 2), "question": str(number)} for number in range(20)]
    parts = [shard(rows, process, 3) for process in range(3)]
    assert sorted(row["question"] for of_part in parts for row in of_part) == sorted(
        str(number) for number in range(20)
    )
    contexts = [{row["context"] for row in of_part} for of_part in parts]
    assert [len(of_part) for of_part in contexts] == [4, 3, 3]
    assert not contexts[0] & contexts[1] and not contexts[1] & contexts[2]
