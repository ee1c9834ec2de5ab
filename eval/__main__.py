"""Command of the evaluation room: `python -m eval run | answer | push-metric`."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from pathlib import Path

from dataset_builder.errors import InputError, exit_on_input_error
from dataset_builder.hub.arguments import add_push_arguments

TABLE_WIDTH = 150


def parser() -> argparse.ArgumentParser:
    """Return the command's parser."""
    command = argparse.ArgumentParser(prog="python -m eval", description=__doc__, allow_abbrev=False)
    stages = command.add_subparsers(dest="stage", required=True, metavar="STAGE")
    run = stages.add_parser("run", help="answer the test questions, score the answers, report", allow_abbrev=False)
    run.add_argument("--dataset", required=True, metavar="DIR", help="corpus folder or Hub id")
    run.add_argument("--configs", required=True, metavar="A,B", help="corpus configs whose test splits are answered")
    run.add_argument(
        "--models", required=True, nargs="+", metavar="NAME=DIR", help="models by name: run folder, model or Hub id"
    )
    run.add_argument(
        "--encoder",
        nargs="+",
        default=["sentence-transformers/all-MiniLM-L6-v2"],
        metavar="DIR",
        help="sentence-transformers models that measure similarity, folders or Hub ids; the first gives the headline; "
        "default: sentence-transformers/all-MiniLM-L6-v2",
    )
    run.add_argument(
        "--consensus",
        nargs="+",
        default=[],
        metavar="NAME=DIR",
        help="further models, each of whose answers is the one of --samples that the first encoder finds nearest to "
        "all of them (minimum Bayes risk)",
    )
    run.add_argument("--samples", type=int, default=16, metavar="N", help="of --consensus; default: %(default)s")
    run.add_argument("--temperature", type=float, default=0.8, help="of these samples; default: %(default)s")
    run.add_argument("--seed", type=int, default=0, help="of these samples; default: %(default)s")
    run.add_argument("--cross-encoder", metavar="DIR", help="cross-encoder as a further measure, folder or Hub id")
    run.add_argument("--out", type=Path, default=Path("runs/eval"), metavar="DIR", help="default: %(default)s")
    run.add_argument(
        "--questions", type=int, metavar="N", help="answer a fixed random sample of N questions a config; default: all"
    )
    run.add_argument(
        "--batch-size",
        type=int,
        metavar="N",
        help="questions at a time, at most; changes no answer; default: as many as the device takes",
    )
    answer = stages.add_parser("answer", help="answer a question on an abstract, or on a folder", allow_abbrev=False)
    answer.add_argument("--model", required=True, metavar="DIR", help="run folder, model or Hub id")
    answer.add_argument(
        "--abstract",
        required=True,
        type=Path,
        metavar="PATH",
        help="text file with the abstract, or a folder of *.txt",
    )
    answer.add_argument(
        "--question", required=True, action="append", metavar="TEXT", help="the question; may be given several times"
    )
    push_metric = stages.add_parser("push-metric", help="publish the metric as a Space of the Hub", allow_abbrev=False)
    add_push_arguments(push_metric)
    return command


def main() -> None:
    """Run the stage that the command line names."""
    arguments = parser().parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    {"run": _run, "answer": _answer, "push-metric": _push_metric}[arguments.stage](arguments)


def _push_metric(arguments: argparse.Namespace) -> None:
    from rich.console import Console

    from dataset_builder.hub.changes import print_pushed
    from eval.push_metric import push_metric

    pushed = push_metric(arguments.repo_id, arguments.private, arguments.tag, arguments.dry_run)
    print_pushed(Console(), pushed, arguments.dry_run)


def _run(arguments: argparse.Namespace) -> None:
    for option in ("questions", "batch_size", "samples"):
        value = getattr(arguments, option)
        if value is not None and value < 1:
            raise InputError(f"--{option.replace('_', '-')} {value}: must be 1 or more")
    if arguments.temperature <= 0:
        raise InputError(f"--temperature {arguments.temperature}: must be over 0")
    configs = [name.strip() for name in arguments.configs.split(",")]
    if "" in configs or len(set(configs)) < len(configs):
        raise InputError(f"--configs {arguments.configs}: must name each config once (plain,detailed)")
    from eval.generation.shared_prefix import Sampling
    from eval.models import parse_models
    from eval.run import run

    models = parse_models([*arguments.models, *arguments.consensus])
    greedy = list(models)[: len(arguments.models)]
    done = run(
        arguments.dataset,
        configs,
        {name: models[name] for name in greedy},
        arguments.encoder,
        arguments.out,
        questions=arguments.questions,
        batch_size=arguments.batch_size,
        cross_encoder=arguments.cross_encoder,
        consensus={name: given for name, given in models.items() if name not in greedy},
        sampling=Sampling(arguments.samples, arguments.temperature, arguments.seed),
    )
    if done is None:
        return
    from rich.console import Console

    from eval.report.tables import as_table, comparison

    console = Console()
    # A table folded into a narrow terminal is harder to read than one that runs over its edge.
    console.width = max(console.width, TABLE_WIDTH)
    console.print(as_table(*comparison(*done)))
    console.print(f"report.html, report.md, scores, predictions and figures: {arguments.out}", soft_wrap=True)


def _answer(arguments: argparse.Namespace) -> None:
    from tqdm import tqdm

    from eval.ask import ask

    alone = len(arguments.question) == 1 and not arguments.abstract.is_dir()
    for name, question, answer in ask(arguments.model, arguments.abstract, arguments.question):
        record = {"abstract": name, "question": question, "answer": answer}
        # Above the progress bar where both go to the terminal; and at once where a program reads it.
        tqdm.write(answer if alone else json.dumps(record, ensure_ascii=False), file=sys.stdout)
        sys.stdout.flush()


if __name__ == "__main__":
    with exit_on_input_error():
        main()
