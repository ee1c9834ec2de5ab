"""Training rows: their tokens, the tokens with loss, and that rows of papers train as rows of pairs do."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from dataset_builder.corpus.questions import CorpusQuestion, read_questions
from dataset_builder.errors import InputError
from dataset_builder.prompt import build_completion, fit_prompt
from tests.training.small_trainers import TokenizedPair, row_trainer, rows_by_pair, rows_by_paper, tiny_model
from training.paper_rows import NO_LOSS, attention_mask, load_tokenizer, paper_rows, tokenize_pair

PAIR = CorpusQuestion(
    instruction="Do it",
    context="Caches are small.",
    question="Why?",
    answer="They cost area.",
    paper_id="10.1/a",
    year=2020,
)


def test_tokenizer_and_positions_of_a_base(tiny_base: Path, tmp_path: Path) -> None:
    """The positions are those of config.json; a model without a limit has very many. A damaged file is named."""
    tokenizer, positions = load_tokenizer(tiny_base)
    assert tokenizer.pad_token_id is not None
    assert positions == json.loads((tiny_base / "config.json").read_text())["n_positions"]
    endless = tmp_path / "endless"
    shutil.copytree(tiny_base, endless)
    (endless / "config.json").write_text('{"model_type": "bloom"}')
    assert load_tokenizer(endless)[1] == sys.maxsize
    (endless / "config.json").write_text("{")
    with pytest.raises(InputError, match=r"endless: its tokenizer or its config\.json cannot be loaded \(.*complete"):
        load_tokenizer(endless)


def test_common_tokens_come_once() -> None:
    """Two questions on tokens 1 2 3, one more after 1 2; the last common token of like prompts stays with each."""
    rows = rows_by_paper(
        [
            ("a", [1, 2, 3, 4], [9, 0]),
            ("b", [5, 6], [7, 0]),
            ("a", [1, 2, 3, 5, 6], [8, 0]),
            ("b", [5, 6], [8, 0]),
        ]
    )
    n = NO_LOSS
    assert rows[0] == {
        "input_ids": [1, 2, 3, 4, 9, 0, 5, 6, 8, 0],
        "labels": [n, n, n, n, 9, 0, n, n, 8, 0],
        "position_ids": [0, 1, 2, 3, 4, 5, 3, 4, 5, 6],
        "parts": [0, 0, 0, 1, 1, 1, 2, 2, 2, 2],
    }
    assert rows[1]["input_ids"] == [5, 6, 7, 0, 6, 8, 0]
    assert rows[1]["parts"] == [0, 1, 1, 1, 2, 2, 2]


def test_mask_by_hand() -> None:
    """One common token, two parts, one token of padding: a part sees the common token and its own earlier tokens."""
    seen = attention_mask(torch.tensor([[0, 1, 1, 2, -1]]))
    assert seen.shape == (1, 1, 5, 5)
    assert seen[0, 0].int().tolist() == [
        [1, 0, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [1, 1, 1, 0, 0],
        [1, 0, 0, 1, 0],
        [1, 0, 0, 0, 1],
    ]


@pytest.mark.parametrize("base", ["tiny", "smollm2"])
def test_each_answer_follows_the_tokens_that_evaluation_gives(
    base: str, corpus: Path, tokenizer: Any, packaged_models: Path
) -> None:
    """For every pair of the sample: common tokens and part, read together, are prompt and answer."""
    from transformers import AutoTokenizer

    from dataset_builder.corpus.load import load_corpus_split

    if base == "smollm2":
        tokenizer = AutoTokenizer.from_pretrained(packaged_models / "smollm2")
    questions = read_questions(load_corpus_split(str(corpus), None, "train"))
    read = {}
    for row in paper_rows(questions, tokenizer, 1024):
        for number in range(1, max(row["parts"]) + 1):
            own = [column for column, part in enumerate(row["parts"]) if part in (0, number)]
            assert [row["position_ids"][column] for column in own] == list(range(len(own)))
            labels = [row["labels"][column] for column in own]
            ids = [row["input_ids"][column] for column in own]
            start = labels.count(NO_LOSS)
            assert labels[start:] == ids[start:]
            read[tuple(ids[:start])] = tokenizer.decode(ids[start:])
    assert len(read) == len(questions)
    for pair in questions:
        prompt = fit_prompt(tokenizer, pair.instruction, pair.context, pair.question, 1024)
        answer = read[tuple(tokenizer(prompt)["input_ids"])]
        assert answer == build_completion(pair.answer) + tokenizer.eos_token


@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
def test_row_of_a_paper_has_the_loss_and_gradients_of_its_pairs(
    architecture: str, pairs: list[TokenizedPair], tokenizer: Any, tmp_path: Path
) -> None:
    """Compare with the model's own loss on each single pair: papers with 3, 2, 1 and 3 questions, padded to 64."""
    model = tiny_model(architecture)
    expected = 0.0
    for _, prompt, answer in pairs:
        labels = torch.tensor([[NO_LOSS] * len(prompt) + answer])
        loss = model(input_ids=torch.tensor([prompt + answer]), labels=labels).loss * len(answer)
        loss.backward()
        expected += loss.item()
    gradients = {name: p.grad.clone() for name, p in model.named_parameters()}
    for make in (rows_by_paper, rows_by_pair):
        model.zero_grad()
        trainer = row_trainer(model, make(pairs), tokenizer, tmp_path)
        loss = trainer.compute_loss(model, trainer.data_collator(list(trainer.train_dataset)), num_items_in_batch=1)
        loss.backward()
        assert loss.item() == pytest.approx(expected, rel=1e-6)
        for name, parameter in model.named_parameters():
            # The sums run in another order in float32: equal to a few parts in a million of the largest entry.
            scale = gradients[name].abs().max().item()
            torch.testing.assert_close(parameter.grad, gradients[name], rtol=1e-4, atol=5e-6 * scale)


@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
def test_trainer_takes_the_mean_over_the_answer_tokens_of_a_step(
    architecture: str, pairs: list[TokenizedPair], tokenizer: Any, tmp_path: Path
) -> None:
    """Rows of 3, 2, 1 and 3 pairs, two at a time: a step over all four logs the same."""
    logs = {}
    for name, make, rows_at_once, accumulated in (("paper", rows_by_paper, 2, 2), ("pair", rows_by_pair, 3, 3)):
        settings = {"per_device_train_batch_size": rows_at_once, "gradient_accumulation_steps": accumulated}
        settings |= {"max_steps": 1, "logging_steps": 1}
        trainer = row_trainer(tiny_model(architecture), make(pairs), tokenizer, tmp_path, **settings)
        trainer.train()
        logs[name] = trainer.state.log_history[0]
    # The untrained model without a trainer: the mean over all answer tokens.
    model, total = tiny_model(architecture), 0.0
    for _, prompt, answer in pairs:
        labels = torch.tensor([[NO_LOSS] * len(prompt) + answer])
        with torch.no_grad():
            loss = model(input_ids=torch.tensor([prompt + answer]), labels=labels).loss
        total += loss.item() * len(answer)
    mean = total / sum(len(answer) for _, _, answer in pairs)
    for log in logs.values():
        assert log["loss"] == pytest.approx(mean, rel=1e-6)
    assert logs["paper"]["grad_norm"] == pytest.approx(logs["pair"]["grad_norm"], rel=1e-5)


def test_only_the_answer_and_its_end_have_loss(tokenizer: Any) -> None:
    """In both kinds of row."""
    questions = [PAIR, replace(PAIR, question="How small?", answer="Yes.")]
    pairs = [(question.paper_id, *tokenize_pair(question, tokenizer, 512)) for question in questions]
    for rows in (rows_by_pair(pairs), rows_by_paper(pairs)):
        carrying = [label for row in rows for label in row["labels"] if label != NO_LOSS]
        assert tokenizer.decode(carrying) == " They cost area.<|endoftext|> Yes.<|endoftext|>"


def test_long_abstract_costs_no_answer(tokenizer: Any) -> None:
    """Each pair of the paper fits the positions, answer and all; the row of both is longer than that."""
    long = replace(PAIR, context="word " * 600)
    questions = [long, replace(long, question="Why, and how much?")]
    pairs = [(question.paper_id, *tokenize_pair(question, tokenizer, 200)) for question in questions]
    (row,) = rows_by_paper(pairs)
    assert all(190 < len(prompt) + len(answer) <= 200 for _, prompt, answer in pairs)
    assert tokenizer.decode(pairs[0][1]).endswith("\n\nQuestion: Why?\n\nAnswer:")
    assert max(row["position_ids"]) < 200 < len(row["input_ids"])


def test_pair_that_cannot_fit_is_named(tokenizer: Any) -> None:
    """Question and answer without the abstract are over the limit."""
    with pytest.raises(
        InputError, match=r"10\.1/a, question 'Why\?': question and answer have more than 12 tokens without the"
    ):
        tokenize_pair(PAIR, tokenizer, 12)


@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
def test_row_longer_than_the_positions_is_trained_on(architecture: str, tokenizer: Any, tmp_path: Path) -> None:
    """A model of 512 positions, four answers of 120 tokens: the trainer reads the whole row, within the positions."""
    context = "word " * 400
    answers = [f"{number} " * 60 for number in "abcd"]
    questions = [replace(PAIR, context=context, question=f"Why {answer[0]}?", answer=answer) for answer in answers]
    pairs = [(question.paper_id, *tokenize_pair(question, tokenizer, 512)) for question in questions]
    rows = rows_by_paper(pairs)
    assert max(rows[0]["position_ids"]) < 512 < len(rows[0]["input_ids"])
    settings = {"per_device_train_batch_size": 1, "max_steps": 1, "logging_steps": 1, "max_length": 512}
    trainer = row_trainer(tiny_model(architecture), rows, tokenizer, tmp_path, **settings)
    trainer.train()
    model, total = tiny_model(architecture), 0.0
    for _, prompt, answer in pairs:
        labels = torch.tensor([[NO_LOSS] * len(prompt) + answer])
        with torch.no_grad():
            loss = model(input_ids=torch.tensor([prompt + answer]), labels=labels).loss
        total += loss.item() * len(answer)
    log = trainer.state.log_history[0]
    assert log["loss"] == pytest.approx(total / sum(len(answer) for _, _, answer in pairs), rel=1e-5)
