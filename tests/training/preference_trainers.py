"""Preferences between answers, adapters of random weights and trainers of them, for tests in one process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from datasets import Dataset

from dataset_builder.corpus.questions import CorpusQuestion
from dataset_builder.journal import Journal
from tests.training.small_trainers import tiny_model
from training.alignment.preference_trainer import PreferenceTrainer, RowReference
from training.alignment.preferences import Preference, PreferenceCollator, preference_rows

TEXTS = {
    "Caches are small.": [
        ("Why?", "They cost.", "No."),
        ("How?", "By area and by power.", "So."),
        ("What?", "A", "B C"),
    ],
    "A longer abstract says that memory is slow.": [("Is it?", "Yes.", "It is not, at all.")],
}


def preferences() -> list[Preference]:
    """Return three preferences on one abstract and one on another."""
    return [
        Preference(CorpusQuestion("Read it", context, question, chosen, paper_id=context[:6], year=2020), rejected)
        for context, answers in TEXTS.items()
        for question, chosen, rejected in answers
    ]


def trl_arguments(folder: Path, **settings: Any) -> Any:
    """Return the losses of the recipe, DPO with an SFT term, and no autocast."""
    from trl.trainer.dpo_config import DPOConfig

    fixed = {"bf16": False, "use_cpu": True, "report_to": "none", "gradient_checkpointing": False, "beta": 0.1}
    fixed |= {"disable_tqdm": True, "save_strategy": "no", "loss_type": ["sigmoid", "sft"], "loss_weights": [1.0, 0.1]}
    return DPOConfig(output_dir=str(folder), **(fixed | settings))


def adapter_model(architecture: str, dtype: torch.dtype = torch.float64) -> Any:
    """Return a tiny model with an adapter that changes its output, the same each time.

    Its weights are float64, because in float32 another order of the sums changes a gradient by about 1e-6. Parts of
    the models compute in float32 all the same.
    """
    from peft import LoraConfig, get_peft_model

    lora = LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False, task_type="CAUSAL_LM")
    return get_peft_model(tiny_model(architecture), lora).to(dtype)


def preference_trainer(
    architecture: str, tokenizer: Any, folder: Path, dtype: torch.dtype = torch.float64, **settings: Any
) -> PreferenceTrainer:
    """Return a trainer of the preferences, whose rows have their reference."""
    trainer = PreferenceTrainer(
        model=adapter_model(architecture, dtype),
        args=trl_arguments(folder, **settings),
        train_dataset=Dataset.from_list(preference_rows(preferences(), tokenizer, 512)),
        data_collator=PreferenceCollator(tokenizer.pad_token_id),
        processing_class=tokenizer,
    )
    trainer.add_reference(Journal(folder, "reference", RowReference))
    return trainer
