"""Answers: greedy, whole batches, and a journal that survives a kill."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

from dataset_builder.prompt import build_prompt
from eval.answering import AnswerJournal, answer_in_batches, load_model
from eval.model_folder import find_model

ROWS = [
    {"instruction": "Do it", "context": "Caches are small. " * (1 + 3 * number), "question": f"Why {number}?"}
    for number in range(7)
]


@pytest.fixture(scope="module")
def tiny(tiny_base: Path) -> tuple:
    """Return the tiny model and its tokenizer."""
    return load_model(find_model("tiny", str(tiny_base)))


def test_batched_answers_equal_one_at_a_time(tiny: tuple) -> None:
    """Against transformers' own greedy generation of each prompt alone, without padding."""
    model, tokenizer = tiny
    answers = {}
    for batch in answer_in_batches(model, tokenizer, ROWS, batch_size=3, done=set()):
        answers.update(batch)
    for number, row in enumerate(ROWS):
        inputs = tokenizer(build_prompt("Do it", row["context"], row["question"]), return_tensors="pt")
        tokens = model.generate(**inputs, max_new_tokens=64, do_sample=False, pad_token_id=tokenizer.eos_token_id)
        alone = tokenizer.decode(tokens[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True).strip()
        assert answers[number] == alone


def test_answers_stop_at_the_end_of_sequence(tiny: tuple) -> None:
    """The fifth token of the full answer is declared the end of sequence: the answer is then the first five."""
    model, tokenizer = tiny
    prompt = build_prompt("Do it", ROWS[0]["context"], ROWS[0]["question"])
    inputs = tokenizer(prompt, return_tensors="pt")
    tokens = model.generate(**inputs, max_new_tokens=64, do_sample=False, pad_token_id=tokenizer.pad_token_id)
    answer = tokens[0, inputs["input_ids"].shape[1] :].tolist()
    stop = answer.index(answer[4]) + 1
    stopping = copy.deepcopy(tokenizer)
    stopping.eos_token = tokenizer.convert_ids_to_tokens(answer[4])
    (batch,) = answer_in_batches(model, stopping, ROWS[:1], batch_size=1, done=set())
    assert batch == {0: stopping.decode(answer[:stop], skip_special_tokens=True).strip()}
    assert len(batch[0]) < len(tokenizer.decode(answer))


def test_batches_are_cut_the_same_whatever_is_done(tiny: tuple) -> None:
    """Lengths fall with the number, so batches of three are 6-4, 3-1 and 0; one that lacks a row comes whole."""
    model, tokenizer = tiny
    batches = answer_in_batches(model, tokenizer, ROWS, batch_size=3, done={6, 5, 4, 3, 1})
    assert [sorted(batch) for batch in batches] == [[1, 2, 3], [0]]


def test_journal_keeps_whole_lines_alone(tmp_path: Path) -> None:
    """A kill in the middle of a line loses that line; the next batch goes onto a line of its own."""
    path = tmp_path / "journal"
    journal = AnswerJournal(path, "inputs")
    journal.append({1: "one", 2: "two\nlines"})
    journal.append({0: "zero"})
    path.write_bytes(path.read_bytes()[:-4])
    journal = AnswerJournal(path, "inputs")
    assert journal.answers == {1: "one", 2: "two\nlines"}
    journal.append({0: "zero"})
    assert AnswerJournal(path, "inputs").answers == {0: "zero", 1: "one", 2: "two\nlines"}


def test_journal_of_other_inputs_counts_for_nothing(tmp_path: Path) -> None:
    """The model was trained anew since."""
    path = tmp_path / "journal"
    AnswerJournal(path, "inputs").append({1: "one"})
    assert AnswerJournal(path, "others").answers == {}
    assert AnswerJournal(path, "inputs").answers == {}
