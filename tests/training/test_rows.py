"""The rows that the trainer reads, and where their loss falls."""

from __future__ import annotations

from pathlib import Path

from datasets import Dataset

from training.rows import prompt_completion_rows

ROW = {"instruction": "Do it", "context": "Caches are small.", "question": "Why?", "answer": "They cost area."}


def _tokenizer(tiny_base: Path) -> object:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_base)


def test_prompt_and_completion(tiny_base: Path) -> None:
    """The completion brings the space that the prompt lacks."""
    (row,) = prompt_completion_rows(Dataset.from_list([ROW]), _tokenizer(tiny_base), 512)
    assert row == {
        "prompt": "Do it.\n\nAbstract: Caches are small.\n\nQuestion: Why?\n\nAnswer:",
        "completion": " They cost area.",
    }


def test_long_abstract_costs_no_answer(tiny_base: Path) -> None:
    """With its end-of-sequence token the row fits, and the answer is whole."""
    tokenizer = _tokenizer(tiny_base)
    (row,) = prompt_completion_rows(Dataset.from_list([{**ROW, "context": "word " * 600}]), tokenizer, 200)
    assert row["completion"] == " They cost area."
    assert row["prompt"].endswith("\n\nQuestion: Why?\n\nAnswer:")
    assert len(tokenizer(row["prompt"] + row["completion"])["input_ids"]) + 1 <= 200


def test_loss_falls_on_the_answer_and_its_end_alone(tiny_base: Path, tmp_path: Path) -> None:
    """What TRL's own trainer and collator make of two rows of unlike length."""
    from transformers import AutoModelForCausalLM
    from trl import SFTConfig, SFTTrainer

    tokenizer = _tokenizer(tiny_base)
    tokenizer.pad_token = tokenizer.eos_token
    rows = prompt_completion_rows(
        Dataset.from_list([ROW, {**ROW, "context": "Caches are small. " * 9, "answer": "Yes."}]), tokenizer, 512
    )
    trainer = SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(tiny_base),
        args=SFTConfig(output_dir=str(tmp_path), bf16=False, use_cpu=True, report_to="none"),
        train_dataset=rows,
        processing_class=tokenizer,
    )
    batch = trainer.data_collator([trainer.train_dataset[0], trainer.train_dataset[1]])
    carrying = [labels[labels != -100].tolist() for labels in batch["labels"]]
    assert [tokenizer.decode(ids) for ids in carrying] == [" They cost area.<|endoftext|>", " Yes.<|endoftext|>"]
