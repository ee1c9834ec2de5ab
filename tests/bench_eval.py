"""`make bench-eval`: answers a second one at a time, the study's way, against all questions together, in one run.

`python -m tests.bench_eval --model DIR --dataset DIR --configs A,B [--questions N]`. Both answer the same questions of
the same test splits, from the text of the prompt on; one at a time is transformers' own generation on each prompt. The
last line is for programs.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

import torch

from dataset_builder.corpus.load import load_corpus_split
from eval.generation.answers import answer_alone, answer_in_batches, encode_prompts, load_model
from eval.models import find_model
from eval.question_sample import sample_questions


def main() -> None:
    """Answer by both ways and print the answers a second; another answer by one of them ends in exit code 1."""
    command = argparse.ArgumentParser(prog="python -m tests.bench_eval", description=__doc__)
    command.add_argument("--model", required=True)
    command.add_argument("--dataset", required=True)
    command.add_argument("--configs", required=True)
    command.add_argument("--questions", type=int, help="a fixed random sample of N questions a config")
    command.add_argument("--alone", type=int, default=24, help="questions answered one at a time; default: 24")
    arguments = command.parse_args()
    rows = [
        row
        for config in arguments.configs.split(",")
        for row in sample_questions(
            load_corpus_split(arguments.dataset, config, "test").to_list(), arguments.questions
        )
    ]
    # One at a time takes as long for each question: some of them, at equal distances, stand for all.
    step = max(1, len(rows) // arguments.alone)
    chosen = range(0, len(rows), step)
    model, tokenizer = load_model(find_model("model", arguments.model))

    def alone_by_itself(row: dict[str, Any]) -> str:
        return answer_alone(model, tokenizer, encode_prompts(model, tokenizer, [row])[0])

    alone_by_itself(rows[0])  # the first of all warms up

    begun = time.perf_counter()
    alone = {number: alone_by_itself(rows[number]) for number in chosen}
    one_at_a_time = len(alone) / (time.perf_counter() - begun)
    begun = time.perf_counter()
    together: dict[int, str] = {}
    for batch in answer_in_batches(model, tokenizer, rows):
        together.update(batch)
    all_together = len(rows) / (time.perf_counter() - begun)

    same = sum(together[number] == answer for number, answer in alone.items())
    threads = f", {torch.get_num_threads()} threads" if model.device.type == "cpu" else ""
    write = sys.stdout.write
    write(f"{len(rows)} questions on {len({row['context'] for row in rows})} abstracts, on {model.device}{threads}\n")
    write(f"one at a time: {one_at_a_time:.2f} answers/s ({len(alone)} of them)\n")
    write(f"together: {all_together:.2f} answers/s\n")
    write(f"same answers: {same} of {len(alone)}\n")
    write(f"ratio: {all_together / one_at_a_time:.2f}\n")
    if same < len(alone):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
