"""`make bench-train`: examples per second and peak memory of the study's recipe and of ours, on the same pairs.

The study's: one row for each pair, padded to 512 tokens, loss on every token, batches of 4, float32, transformers'
Trainer, and the default allocator of memory. Ours: the recipe's rows of papers, in this machine's precision, and with
the allocator of this process, which `make` chooses; `--study-allocator same` gives it to the study's, too. Each runs
in its own process, and its first step, which warms up, does not count. With `--compile`, ours first trains on all of
its rows, which compiles for their lengths, and then the same rows count. On a GPU try `--papers 240 --batch-size 24
--compile`. The last line is for programs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from dataset_builder.errors import InputError, exit_on_input_error

REPOSITORY = Path(__file__).parents[1]
STUDY_LENGTH = 512
STUDY_BATCH = 4
# Environment variables by which `make` chooses and tunes the allocator.
ALLOCATOR_VARIABLES = ("LD_PRELOAD", "GLIBC_TUNABLES")


def parser() -> argparse.ArgumentParser:
    """Return the command's parser."""
    command = argparse.ArgumentParser(prog="python -m tests.bench_train", description=__doc__, allow_abbrev=False)
    command.add_argument("--model", default="data/models/smollm2", metavar="DIR", help="default: %(default)s")
    command.add_argument("--dataset", default="data/corpus", metavar="DIR", help="default: %(default)s")
    command.add_argument("--papers", type=int, default=8, help="papers whose pairs are trained on; default: 8")
    command.add_argument("--batch-size", type=int, default=4, help="papers in a step of ours; default: 4")
    command.add_argument("--compile", action="store_true", help="compile ours")
    allocator_help = "allocator of the study's process: the default one, or the same as ours; default: %(default)s"
    command.add_argument("--study-allocator", choices=("default", "same"), default="default", help=allocator_help)
    command.add_argument("--recipe", choices=("study", "ours"), help=argparse.SUPPRESS)
    return command


def measure(arguments: argparse.Namespace) -> dict[str, float]:
    """Train by one recipe on the pairs of the first papers; return pairs and tokens per second, and peak memory."""
    from itertools import groupby

    import torch
    from transformers import AutoModelForCausalLM, TrainerCallback

    from dataset_builder.corpus.load import load_corpus_split
    from dataset_builder.corpus.questions import read_questions
    from dataset_builder.hardware import peak_memory_bytes, use_all_threads
    from training.paper_rows import load_tokenizer, tokenize_pair
    from training.recipe import machine_defaults

    class StepTimes(TrainerCallback):
        def __init__(self) -> None:
            self.ends: list[tuple[float, float]] = []

        def on_step_end(self, *args: Any, **kwargs: Any) -> None:
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            self.ends.append((time.perf_counter(), time.process_time()))

    use_all_threads()
    tokenizer, positions = load_tokenizer(Path(arguments.model))
    study = arguments.recipe == "study"
    questions = read_questions(load_corpus_split(arguments.dataset, None, "train"))
    limit = STUDY_LENGTH if study else positions
    pairs = [(question.paper_id, *tokenize_pair(question, tokenizer, limit)) for question in questions]
    papers = [list(group) for _, group in groupby(pairs, lambda pair: pair[0])]
    needed = arguments.papers + arguments.batch_size
    if len(papers) < needed:
        raise InputError(
            f"--papers {arguments.papers}: with --batch-size {arguments.batch_size} for the warm-up these are "
            f"{needed}, and {arguments.dataset} has {len(papers)} for training; pass fewer"
        )
    if arguments.compile and arguments.papers % arguments.batch_size:
        raise InputError(
            f"--papers {arguments.papers}: with --compile must be a multiple of --batch-size {arguments.batch_size}"
        )
    batch = STUDY_BATCH if study else arguments.batch_size
    measured = [pair for paper in papers[: arguments.papers] for pair in paper]
    warm_up_steps = 1
    if study:
        warming = measured[:batch]
    elif arguments.compile:
        warming, warm_up_steps = measured, arguments.papers // batch
    else:
        warming = [pair for paper in papers[arguments.papers : arguments.papers + batch] for pair in paper]
    model = AutoModelForCausalLM.from_pretrained(arguments.model, dtype=torch.float32, use_safetensors=True)
    with tempfile.TemporaryDirectory() as folder:
        common = {
            "output_dir": folder,
            "report_to": "none",
            "save_strategy": "no",
            "disable_tqdm": True,
            "per_device_train_batch_size": batch,
            "num_train_epochs": 1,
            "train_sampling_strategy": "sequential",
        }
        trainer = _study(model, tokenizer, warming + measured, common) if study else None
        if trainer is None:
            settings = {**machine_defaults(), "activation_checkpointing": False, "torch_compile": arguments.compile}
            trainer = _ours(model, tokenizer, [warming, measured], {**common, **settings})
        times = StepTimes()
        trainer.add_callback(times)
        trainer.train()
    seconds, processor_seconds = (
        last - first for first, last in zip(times.ends[warm_up_steps - 1], times.ends[-1], strict=True)
    )
    tokens = sum(len(prompt) + len(answer) for _, prompt, answer in measured)
    return {
        "pairs": len(measured),
        "seconds": seconds,
        "processor_seconds": processor_seconds,
        "pairs_per_second": len(measured) / seconds,
        "tokens_per_second": tokens / seconds,
        "peak_memory_bytes": peak_memory_bytes(),
    }


def _study(model: Any, tokenizer: Any, pairs: list[Any], settings: dict[str, Any]) -> Any:
    """Return the trainer of padded rows with a label on every token."""
    import torch
    from transformers import Trainer, TrainingArguments

    def collate(rows: list[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
        batch = tokenizer.pad(rows, padding="max_length", max_length=STUDY_LENGTH, return_tensors="pt")
        return {**batch, "labels": batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)}

    rows = [{"input_ids": prompt + answer} for _, prompt, answer in pairs]
    args = TrainingArguments(**settings, bf16=False, use_cpu=not torch.cuda.is_available())
    return Trainer(model=model, args=args, train_dataset=rows, data_collator=collate)


def _ours(model: Any, tokenizer: Any, pairs: list[list[Any]], settings: dict[str, Any]) -> Any:
    """Return the trainer of rows of papers: the warm-up rows first, then the others, both by length as in training."""
    from datasets import concatenate_datasets
    from torch.utils.data import SequentialSampler
    from trl.trainer.sft_config import SFTConfig

    from tests.training.small_trainers import rows_by_paper
    from training.paper_rows import RowCollator
    from training.row_trainer import RowTrainer

    class InOrder(RowTrainer):
        def _get_train_sampler(self, train_dataset: Any = None) -> SequentialSampler:
            return SequentialSampler(self.train_dataset)

    def by_length(pairs: list[Any]) -> Any:
        rows = rows_by_paper(pairs)
        return rows.select(sorted(range(len(rows)), key=lambda number: len(rows[number]["input_ids"])))

    return InOrder(
        model=model,
        args=SFTConfig(**settings),
        train_dataset=concatenate_datasets([by_length(part) for part in pairs]),
        data_collator=RowCollator(tokenizer.pad_token_id),
        processing_class=tokenizer,
    )


def main() -> None:
    """Measure both recipes, each in its own process, and print the ratio of their pairs per second."""
    arguments = parser().parse_args()
    if arguments.recipe:
        sys.stdout.write(json.dumps(measure(arguments)) + "\n")
        return
    found = {}
    for recipe in ("study", "ours"):
        command = [sys.executable, "-m", "tests.bench_train", "--recipe", recipe, *sys.argv[1:]]
        dropped = ALLOCATOR_VARIABLES if recipe == "study" and arguments.study_allocator == "default" else ()
        environment = {name: value for name, value in os.environ.items() if name not in dropped}
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=REPOSITORY)
        if done.returncode:
            raise SystemExit(done.returncode)
        found[recipe] = json.loads(done.stdout.splitlines()[-1])
        measured = found[recipe]
        sys.stdout.write(
            f"{recipe}: {measured['pairs']} pairs in {measured['seconds']:.1f} s "
            f"({measured['processor_seconds']:.1f} s of processor time), "
            f"{measured['pairs_per_second']:.3f} examples/s, {measured['tokens_per_second']:.0f} tokens/s of whole "
            f"prompts and answers, peak memory {measured['peak_memory_bytes'] / 2**30:.1f} GiB\n"
        )
        sys.stdout.flush()
    sys.stdout.write(f"ratio: {found['ours']['pairs_per_second'] / found['study']['pairs_per_second']:.1f}\n")


if __name__ == "__main__":
    with exit_on_input_error():
        main()
