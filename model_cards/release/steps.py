"""Compare a release with the Hub, and publish it: the repos in order, then the collection.

A card names the commit of the corpus, which is known once the corpus is pushed. So contents are made at each step.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.corpus.push import warn_of_published_contexts
from dataset_builder.corpus.report import read_corpus_report
from dataset_builder.hub.changes import Change, Pushed, plan_change
from dataset_builder.hub.collection import CollectionChange, update_collection
from dataset_builder.hub.push import push
from model_cards.release.parts import published_contexts
from model_cards.release.repo import ReleasedRepo
from model_cards.release.settings import PENDING, ReleaseSettings
from model_cards.training_data import corpus_on_hub

DESCRIPTION = "Question answering over the abstracts of papers: corpus, models and metric"


@dataclass(frozen=True)
class PlannedRepo:
    """The change that a release makes in a repo. `found` is None, and `change` all content, without a network."""

    repo: ReleasedRepo
    change: Change
    found: Pushed | None


def plan_repos(settings: ReleaseSettings, repos: list[ReleasedRepo]) -> list[PlannedRepo]:
    """Check the repos to push, and compare them with the Hub.

    Raises `InputError` for everything that the Hub is known to refuse, so that a release does not stop half-way.
    """
    commit = _corpus_commit(settings, repos)
    planned = []
    for repo in repos:
        found = _push(settings, repo, commit, dry_run=True)
        if repo.part == "corpus" and found.commit is not None and found.change.is_empty:
            commit = found.commit
        planned.append(PlannedRepo(repo, found.change, found))
    return planned


def plan_offline(repos: list[ReleasedRepo]) -> list[PlannedRepo]:
    """Return the content of the repos to push as the change that it makes in an empty repo. The Hub is not asked."""
    from huggingface_hub import HfApi

    planned = []
    for repo in repos:
        with tempfile.TemporaryDirectory() as stage:
            change = plan_change(HfApi(), repo.content(PENDING, Path(stage)), None)
        planned.append(PlannedRepo(repo, change, None))
    return planned


def push_repos(settings: ReleaseSettings, repos: list[ReleasedRepo]) -> Iterator[Pushed]:
    """Push the repos in their order, and yield what was pushed. After an interruption, the same call continues."""
    commit = _corpus_commit(settings, repos)
    for repo in repos:
        pushed = _push(settings, repo, commit, dry_run=False)
        if repo.part == "corpus":
            commit = pushed.commit or PENDING
            if published_contexts(settings) == "none" and not pushed.is_new:
                warn_of_published_contexts(settings.corpus_id)
        yield pushed


def collect(settings: ReleaseSettings, repos: list[ReleasedRepo], dry_run: bool) -> CollectionChange:
    """Make the collection hold the repos in their order, or with `dry_run` compare it with them."""
    items = [repo.item for repo in repos]
    return update_collection(settings.org, settings.title, DESCRIPTION, items, settings.private, dry_run)


def _corpus_commit(settings: ReleaseSettings, repos: list[ReleasedRepo]) -> str:
    """Return the commit of the corpus on the Hub if it is needed and not among `repos`, else PENDING."""
    parts = {repo.part for repo in repos}
    if "corpus" in parts or not parts & {"models", "verifier"}:
        return PENDING
    report = read_corpus_report(settings.dataset)
    use = "the corpus of the release"
    return corpus_on_hub(str(settings.dataset), report.revision, settings.corpus_id, "--name", use).revision or PENDING


def _push(settings: ReleaseSettings, repo: ReleasedRepo, commit: str, dry_run: bool) -> Pushed:
    with tempfile.TemporaryDirectory() as stage:
        return push(repo.content(commit, Path(stage)), settings.private, settings.tag, dry_run)
