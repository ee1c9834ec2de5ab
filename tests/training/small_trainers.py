"""Models of random weights and trainers of them, for tests in one process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from datasets import Dataset

from training.paper_rows import RowCollator, paper_row

# The paper of a pair, the token ids of its prompt, and those of its answer.
TokenizedPair = tuple[str, list[int], list[int]]


def rows_by_pair(pairs: list[TokenizedPair]) -> Dataset:
    """Return a dataset in memory with one row for each pair."""
    return Dataset.from_list([paper_row([(prompt, answer)]) for _, prompt, answer in pairs])


def rows_by_paper(pairs: list[TokenizedPair]) -> Dataset:
    """Return a dataset in memory with one row for each paper, in the order of each paper's first pair."""
    papers: dict[str, list[tuple[list[int], list[int]]]] = {}
    for paper, prompt, answer in pairs:
        papers.setdefault(paper, []).append((prompt, answer))
    return Dataset.from_list([paper_row(paper) for paper in papers.values()])


def tiny_model(architecture: str) -> Any:
    """Return a GPT-2 or a Llama of random weights, the same each time, without dropout."""
    from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    if architecture == "gpt2":
        sizes = {"n_positions": 512, "n_embd": 32, "n_layer": 2, "n_head": 2}
        dropout = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
        return GPT2LMHeadModel(GPT2Config(vocab_size=800, **sizes, **dropout))
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "tie_word_embeddings": True}
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "max_position_embeddings": 512}
    return LlamaForCausalLM(LlamaConfig(vocab_size=800, **sizes, **heads))


def row_trainer(
    model: Any, rows: Dataset, tokenizer: Any, folder: Path, similarity: Any = None, **settings: Any
) -> Any:
    """Return the trainer of `rows`, validating on the same, in float32 on the CPU; `settings` are SFTConfig's."""
    from trl.trainer.sft_config import SFTConfig

    from training.row_trainer import RowTrainer

    fixed = {"bf16": False, "use_cpu": True, "report_to": "none", "gradient_checkpointing": False}
    fixed |= {"disable_tqdm": True, "save_strategy": "no"}
    return RowTrainer(
        similarity=similarity,
        model=model,
        args=SFTConfig(output_dir=str(folder), **(fixed | settings)),
        train_dataset=rows,
        eval_dataset=rows,
        processing_class=tokenizer,
        data_collator=RowCollator(tokenizer.pad_token_id),
    )
