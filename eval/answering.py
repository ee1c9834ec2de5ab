"""Answers to the test questions: greedy, in batches, kept as they come so that a killed run goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataset_builder.prompt import MAX_ANSWER_TOKENS, fit_prompt
from eval.model_folder import ModelFolder

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def load_model(folder: ModelFolder) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Return the model in float32, on the GPU where there is one, and its tokenizer, which pads on the left."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    weights = folder.base or folder
    model = AutoModelForCausalLM.from_pretrained(weights.path, dtype=torch.float32, use_safetensors=True)
    if folder.base:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, folder.path)
    model.to("cuda" if torch.cuda.is_available() else "cpu").eval()
    tokenizer = AutoTokenizer.from_pretrained(folder.path)
    tokenizer.padding_side = "left"
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return model, tokenizer


def answer_in_batches(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    rows: list[dict[str, Any]],
    batch_size: int,
    done: set[int],
) -> Iterator[dict[int, str]]:
    """Yield the answers to `rows` a batch at a time, by row number.

    Batches hold prompts of like length, the longest first, and are cut the same whatever is `done`: a batch that is
    done is passed over, so that a run that was broken off gives the same answers as one that was not.
    """
    import torch

    room = model.config.max_position_embeddings - MAX_ANSWER_TOKENS
    prompts = [fit_prompt(tokenizer, row["instruction"], row["context"], row["question"], room) for row in rows]
    lengths = [len(ids) for ids in tokenizer(prompts)["input_ids"]]
    order = sorted(range(len(rows)), key=lambda number: -lengths[number])
    for start in range(0, len(order), batch_size):
        batch = order[start : start + batch_size]
        if done.issuperset(batch):
            continue
        inputs = tokenizer([prompts[number] for number in batch], return_tensors="pt", padding=True)
        with torch.inference_mode():
            tokens = model.generate(
                **inputs.to(model.device),
                max_new_tokens=MAX_ANSWER_TOKENS,
                do_sample=False,
                eos_token_id=tokenizer.eos_token_id,
                pad_token_id=tokenizer.pad_token_id,
            )
        answers = tokenizer.batch_decode(tokens[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        yield {number: answer.strip() for number, answer in zip(batch, answers, strict=True)}


class AnswerJournal:
    """The answers that an unfinished run has made, one batch a line, under a header that says from what.

    A line that was cut off by a kill, and a journal of other inputs, count for nothing.
    """

    def __init__(self, path: Path, inputs: str) -> None:
        self.path = path
        self.header = json.dumps({"inputs": inputs})
        self.answers: dict[int, str] = {}
        if path.is_file():
            self._read()
        if not self.answers:
            path.write_text(f"{self.header}\n", encoding="utf-8")

    def _read(self) -> None:
        *whole, cut_off = self.path.read_text(encoding="utf-8").split("\n")
        if not whole or whole[0] != self.header:
            return
        for line in whole[1:]:
            self.answers.update({int(number): answer for number, answer in json.loads(line).items()})
        if cut_off:
            self.path.write_text("".join(f"{line}\n" for line in whole), encoding="utf-8")

    def append(self, answers: dict[int, str]) -> None:
        """Add a batch of answers, on disk before this returns."""
        self.answers.update(answers)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(answers, ensure_ascii=False) + "\n")
