"""Compare the speed of answering one question at a time and all questions together (`make bench-eval`).

`python -m tests.bench_eval --model DIR --dataset DIR --configs plain detailed [--questions N]`. Both answer the same
test questions, from the text of the prompt on. One at a time is transformers' own generation on each prompt, as in the
original study. On a GPU the answers may differ, because it adds numbers in another order; then pass
`--allow-differences`.
"""

from __future__ import annotations

import argparse
import sys
import time

import torch

from dataset_builder.corpus.load import load_corpus_split
from dataset_builder.corpus.questions import Question, read_questions
from dataset_builder.models.folders import find_model
from dataset_builder.models.language_model import load_model
from eval.generation.answers import answer_alone, answer_in_batches, encode_prompts
from eval.prompting import Answer
from eval.question_sample import sample_questions


def parser() -> argparse.ArgumentParser:
    """Return the command's parser."""
    command = argparse.ArgumentParser(prog="python -m tests.bench_eval", description=__doc__, allow_abbrev=False)
    command.add_argument("--model", required=True)
    command.add_argument("--dataset", required=True)
    command.add_argument("--configs", required=True, nargs="+")
    command.add_argument("--questions", type=int, help="a fixed random sample of N questions a config")
    command.add_argument("--alone", type=int, default=24, help="questions answered one at a time; default: 24")
    command.add_argument("--allow-differences", action="store_true", help="exit with 0 even if an answer differs")
    return command


def main() -> None:
    """Answer one at a time and together, and print the answers per second; exit with 1 if an answer differs."""
    arguments = parser().parse_args()
    questions = [
        question
        for config in arguments.configs
        for question in sample_questions(
            read_questions(load_corpus_split(arguments.dataset, config, "test")), arguments.questions
        )
    ]
    # One at a time takes as long for each question: a few of them, at equal distances, represent all.
    step = max(1, len(questions) // arguments.alone)
    chosen = range(0, len(questions), step)
    model, tokenizer = load_model(find_model("model", arguments.model))

    def answer_one(question: Question) -> Answer:
        return answer_alone(model, tokenizer, encode_prompts(model, tokenizer, [question])[0])

    answer_one(questions[0])  # the first answer warms up

    begun = time.perf_counter()
    alone = {number: answer_one(questions[number]) for number in chosen}
    one_at_a_time = len(alone) / (time.perf_counter() - begun)

    begun = time.perf_counter()
    together: dict[int, Answer] = {}
    for batch in answer_in_batches(model, tokenizer, questions):
        together.update(batch)
    all_together = len(questions) / (time.perf_counter() - begun)

    same = sum(together[number] == answer for number, answer in alone.items())
    threads = f", {torch.get_num_threads()} threads" if model.device.type == "cpu" else ""
    abstracts = len({question.context for question in questions})
    write = sys.stdout.write
    write(f"{len(questions)} questions on {abstracts} abstracts, on {model.device}{threads}\n")
    write(f"one at a time: {one_at_a_time:.2f} answers/s ({len(alone)} of them)\n")
    write(f"together: {all_together:.2f} answers/s\n")
    write(f"same answers: {same} of {len(alone)}\n")
    write(f"ratio: {all_together / one_at_a_time:.2f}\n")
    if same < len(alone) and not arguments.allow_differences:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
