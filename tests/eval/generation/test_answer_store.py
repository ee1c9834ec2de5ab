"""Test the store of answers: resuming after a kill, answers of other systems, several processes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from eval.generation.answer_store import AnswerStore, prompt_key
from eval.prompting import Answer
from eval.question_sample import shard
from tests.eval.questions import corpus_question

ONE, TWO = Answer("one", is_cut=False), Answer("two\nlines", is_cut=True)


def test_incomplete_batch_is_ignored(tmp_path: Path) -> None:
    """A kill in the middle of a line loses the batch of that line; the next answers go onto a line of their own."""
    store = AnswerStore(tmp_path, "m", "weights")
    store.append({"a": ONE})
    store.append({"b": TWO})
    (journal,) = tmp_path.iterdir()
    journal.write_bytes(journal.read_bytes()[:-4])
    store = AnswerStore(tmp_path, "m", "weights")
    assert store.answers == {"a": ONE}
    store.append({"b": TWO})
    assert AnswerStore(tmp_path, "m", "weights").answers == {"a": ONE, "b": TWO}


def test_answers_of_another_system_are_ignored(tmp_path: Path) -> None:
    """The model was trained again since: neither its merged answers nor its journal are read, and both go."""
    old = AnswerStore(tmp_path, "m", "old")
    old.append({"a": ONE})
    old.merge()
    old.append({"b": TWO})
    new = AnswerStore(tmp_path, "m", "new")
    assert new.answers == {}
    new.append({"a": Answer("uno", is_cut=False)})
    new.merge()
    assert AnswerStore(tmp_path, "m", "new").answers == {"a": Answer("uno", is_cut=False)}
    assert [path.name for path in tmp_path.iterdir()] == ["m.json"]


def test_file_that_cannot_be_read_is_replaced(tmp_path: Path) -> None:
    """It counts as no answers, and the next merge writes over it."""
    (tmp_path / "m.json").write_text('{"model": "weights"}')
    store = AnswerStore(tmp_path, "m", "weights")
    assert store.answers == {}
    store.append({"a": ONE})
    store.merge()
    assert AnswerStore(tmp_path, "m", "weights").answers == {"a": ONE}


def test_answers_of_all_processes_are_merged_into_the_same_file(tmp_path: Path) -> None:
    """Two processes and one process give equal bytes. A system with a longer name keeps its own answers."""
    for folder, parts in (("two", [{"b": TWO}, {"a": ONE}]), ("one", [{"a": ONE, "b": TWO}])):
        (tmp_path / folder).mkdir()
        store = AnswerStore(tmp_path / folder, "m", "weights")
        for process, answers in enumerate(parts):
            AnswerStore(tmp_path / folder, "m", "weights", process).append(answers)
        AnswerStore(tmp_path / folder, "m-2", "others").append({"c": ONE})
        store.merge()
        assert store.answers == {"a": ONE, "b": TWO}
    assert (tmp_path / "two/m.json").read_bytes() == (tmp_path / "one/m.json").read_bytes()
    assert AnswerStore(tmp_path / "two", "m-2", "others").answers == {"c": ONE}


def test_key_follows_the_prompt() -> None:
    """Another abstract or question is another prompt; title and year do not matter."""
    question = corpus_question()
    assert prompt_key(question) == prompt_key(replace(question, year=2023, title="T"))
    others = [replace(question, context="D"), replace(question, question="R?")]
    assert len({prompt_key(one) for one in (question, *others)}) == 3


def test_shards_hold_complete_papers_and_together_all_questions() -> None:
    """Ten papers with two questions each among three processes."""
    questions = [corpus_question(str(number), context="word " * (1 + number // 2)) for number in range(20)]
    shards = [shard(questions, process, 3) for process in range(3)]
    assert sorted(one.question for part in shards for one in part) == sorted(one.question for one in questions)
    contexts = [{one.context for one in part} for part in shards]
    assert [len(part) for part in contexts] == [4, 3, 3]
    assert not contexts[0] & contexts[1] and not contexts[1] & contexts[2]
