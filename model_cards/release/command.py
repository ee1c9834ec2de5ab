"""Publish corpus, trained models, metric and demo on the Hub, and a collection that holds them.

python -m model_cards release --org ORG --tag v1.0.0 --dry-run
"""

import argparse
from pathlib import Path

from rich.console import Console

from dataset_builder.corpus.publication.push import warn_of_abstracts
from dataset_builder.hub.changes import print_pushed
from dataset_builder.hub.collection import CollectionChange
from dataset_builder.hub.errors import HubUnreachableError
from dataset_builder.hub.push import add_push_options, check_repo_id
from model_cards.release.parts import find_repos
from model_cards.release.settings import PARTS, Part, ReleaseSettings
from model_cards.release.steps import collect, plan_offline, plan_repos, push_repos
from model_cards.release.table import print_plan
from model_cards.repo_content import RunOptions, add_run_arguments


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of the stage `release`."""
    add = command.add_argument
    add("--org", required=True, metavar="ORG", help="user name or organisation on the Hub")
    add(
        "--name",
        default="isca-qa",
        metavar="NAME",
        help="name of the corpus, and part of other names; default: %(default)s",
    )
    add("--only", nargs="+", choices=PARTS, metavar="PART", help=f"parts to publish, from: {', '.join(PARTS)}")
    add("--dataset", type=Path, default=Path("data/corpus"), metavar="DIR", help="corpus folder; default: %(default)s")
    contexts = "publish abstracts or null in their place; default: none for a corpus with the licence other, else full"
    add("--contexts", choices=("full", "none"), help=contexts)
    scores = "scores.json of the trained models; default: %(default)s"
    add("--scores", type=Path, default=Path("runs/eval/scores.json"), metavar="FILE", help=scores)
    add_run_arguments(command)
    add_push_options(command)


def run_command(arguments: argparse.Namespace) -> None:
    """Publish the parts that are missing or have changed, or with --dry-run print what that would change.

    Everything is checked before anything is sent.
    """
    settings = ReleaseSettings(
        org=arguments.org,
        name=arguments.name,
        dataset=arguments.dataset,
        contexts=arguments.contexts,
        scores=arguments.scores,
        options=RunOptions(arguments.base_model, arguments.license),
        private=arguments.private,
        tag=arguments.tag,
    )
    check_repo_id(settings.corpus_id, "--org and --name:")
    parts: tuple[Part, ...] = tuple(arguments.only or PARTS)
    repos = find_repos(settings, parts)
    pushed_repos = [repo for repo in repos if repo.part in parts]
    console = Console()
    if "corpus" in parts:
        warn_of_abstracts(settings.dataset, settings.published_contexts)
    try:
        planned = plan_repos(settings, pushed_repos)
        collection = collect(settings, repos, dry_run=True) if "collection" in parts else None
    except HubUnreachableError as error:
        if not arguments.dry_run:
            raise
        planned = plan_offline(pushed_repos)
        collection = CollectionChange(None, [repo.item for repo in repos]) if "collection" in parts else None
        console.print(f"The table assumes that no repo exists, since the Hub was not reached. {error}", soft_wrap=True)
    if arguments.dry_run:
        print_plan(settings, planned, collection)
        console.print("Nothing was sent.")
        return
    for pushed in push_repos(settings, pushed_repos):
        print_pushed(pushed, dry_run=False)
    if collection is not None:
        console.print(f"Collection: {collect(settings, repos, dry_run=False).url}", soft_wrap=True)
