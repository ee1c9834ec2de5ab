"""Rows of preferences: their tokens, what each sees, and that they train as TRL's rows of one answer each do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset

from dataset_builder.corpus.questions import CorpusQuestion
from dataset_builder.prompt import build_completion, build_prompt
from dataset_builder.token_rows.collator import attention_mask
from dataset_builder.token_rows.row import NO_LOSS, tree_row
from tests.training.preference_trainers import adapter_model, preference_trainer, preferences, trl_arguments
from training.alignment.preferences import Preference, prefer_best, preference_rows
from training.alignment.ranking import RankedSamples


def test_tree_by_hand() -> None:
    """Prompts 1 2 3 4 and 1 2 5 have 1 2 in common; each answer begins with a copy of its prompt's last token."""
    n = NO_LOSS
    row = tree_row([[1, 2, 3, 4], [1, 2, 5]], [[[7, 0], [8, 9, 0]], [[6, 0], [0]]])
    assert row == {
        "input_ids": [1, 2, 3, 4, 7, 0, 4, 8, 9, 0, 5, 6, 0, 5, 0],
        "labels": [n, n, n, n, 7, 0, n, 8, 9, 0, n, 6, 0, n, 0],
        "position_ids": [0, 1, 2, 3, 4, 5, 3, 4, 5, 6, 2, 3, 4, 2, 3],
        "parts": [0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2],
        "branches": [0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 1, 1, 1, 2, 2],
        "pairs": 2,
    }


def test_mask_by_hand() -> None:
    """Token 0 is shared, 1 is a question, 2 and 3 are its answers, 4 answers another question, 5 is padding."""
    parts, branches = torch.tensor([[0, 1, 1, 1, 2, -1]]), torch.tensor([[0, 0, 1, 2, 1, -1]])
    assert attention_mask(parts, branches)[0, 0].int().tolist() == [
        [1, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 0],
        [1, 1, 0, 1, 0, 0],
        [1, 0, 0, 0, 1, 0],
        [1, 0, 0, 0, 0, 1],
    ]


def test_questions_without_a_worse_answer_are_left_out() -> None:
    """Where all samples are equal, cut or empty."""
    asked = [CorpusQuestion("i", "c", question, "reference", "p", 2020) for question in "qrst"]
    samples = [("a", None), ("b", ""), (None, None), ("", "d")]
    ranked = {number: RankedSamples(number, best, worst, 0.5) for number, (best, worst) in enumerate(samples)}
    found = [(one.question.question, one.question.answer, one.rejected) for one in prefer_best(asked, ranked)]
    assert found == [("r", "b", "")]


def test_abstract_is_cut_for_the_longer_answer(tokenizer: Any) -> None:
    """Both answers get the same prompt, and the longer one ends at the limit."""
    question = CorpusQuestion("Read it", "word " * 300, "Why?", "Yes.", "10.1/a", 2020)
    (row,) = preference_rows([Preference(question, "No, " * 20)], tokenizer, 120)
    assert 118 <= max(row["position_ids"]) + 1 <= 120
    columns = list(zip(row["branches"], row["labels"], row["position_ids"], strict=True))
    first = [next(position for at, label, position in columns if at == branch and label >= 0) for branch in (1, 2)]
    assert first[0] == first[1]


def change_adapter(model: Any) -> None:
    """Move the adapter away from the reference."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                parameter.mul_(1.5 if "lora_B" in name else 0.9)


@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
def test_loss_and_gradients_are_those_of_trl(architecture: str, tokenizer: Any, tmp_path: Path) -> None:
    """TRL's own DPOTrainer on a row for each answer, and its own reference; four questions in one batch."""
    from trl.trainer.dpo_trainer import DPOTrainer

    texts = [
        {
            "prompt": build_prompt("Read it", preference.question.context, preference.question.question),
            "chosen": build_completion(preference.question.answer),
            "rejected": build_completion(preference.rejected),
        }
        for preference in preferences()
    ]
    args = trl_arguments(tmp_path, precompute_ref_log_probs=True)
    trl = DPOTrainer(
        adapter_model(architecture), args=args, train_dataset=Dataset.from_list(texts), processing_class=tokenizer
    )
    trees = preference_trainer(architecture, tokenizer, tmp_path)
    rows: list[Any] = list(trees.train_dataset)
    found = torch.tensor([pair for row in rows for pair in row["reference_log_probs"]])
    wanted = torch.tensor([list(trl.train_dataset[f"ref_{name}_logps"]) for name in ("chosen", "rejected")]).T
    torch.testing.assert_close(found, wanted, rtol=1e-6, atol=0)
    assert (found[:, 0] != found[:, 1]).all()

    # There the DPO loss is log 2, whatever the answers.
    at_reference = trees.compute_loss(trees.model, trees.data_collator(rows)).item()
    losses, gradients = [], []
    for trainer, batch in ((trl, trl.data_collator(list(trl.train_dataset))), (trees, trees.data_collator(rows))):
        change_adapter(trainer.model)
        loss = trainer.compute_loss(trainer.model, batch)
        loss.backward()
        losses.append(loss.item())
        by_parameter = [value.grad for value in trainer.model.parameters() if value.grad is not None]
        gradients.append(torch.cat([gradient.flatten() for gradient in by_parameter]))
    assert losses[1] == pytest.approx(losses[0], rel=1e-6)
    assert abs(losses[0] - at_reference) > 1e-3
    torch.testing.assert_close(gradients[1], gradients[0], rtol=0, atol=1e-6)
    assert gradients[0].abs().max() > 0.01


def test_questions_of_a_step_count_the_same(tokenizer: Any, tmp_path: Path) -> None:
    """Rows of three questions and one: both in a batch, or each in its own, give the same first step."""
    logs = []
    for rows_at_once in (1, 2):
        settings = {"per_device_train_batch_size": rows_at_once, "gradient_accumulation_steps": 2 // rows_at_once}
        folder = tmp_path / str(rows_at_once)
        folder.mkdir()
        more = {"max_steps": 1, "logging_steps": 1, "loss_type": ["sigmoid"], "loss_weights": None}
        trainer = preference_trainer("llama", tokenizer, folder, **settings, **more)
        change_adapter(trainer.network)
        trainer.train()
        logs.append(trainer.state.log_history[0])
    assert logs[0]["loss"] == pytest.approx(logs[1]["loss"], rel=1e-5)
    assert logs[0]["grad_norm"] == pytest.approx(logs[1]["grad_norm"], rel=1e-5)
    assert logs[0]["num_tokens"] == logs[1]["num_tokens"] == sum(map(len, trainer.train_dataset["input_ids"]))
