"""Compare a release with the Hub, and publish it: the repos in order, then the collection.

A card names the commit of the corpus, and the demo the commits of all that it loads. A commit is known once its repo
is pushed. So contents are made at each step.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.corpus.publication.push import warn_of_published_contexts
from dataset_builder.corpus.report import read_corpus_report
from dataset_builder.hub.changes import Change, Pushed, plan_change
from dataset_builder.hub.collection import CollectionChange, ItemKey, update_collection
from dataset_builder.hub.errors import translate_hub_errors
from dataset_builder.hub.push import push
from model_cards.release.settings import PENDING, Commits, ReleasedRepo, ReleaseSettings
from model_cards.training_data import corpus_on_hub

DESCRIPTION = "Question answering over the abstracts of papers: corpus, models, metric and demo"


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
    commits = _known_commits(settings, repos)
    planned = []
    for repo in repos:
        found = _push(settings, repo, commits, dry_run=True)
        if found.commit is not None and found.change.is_empty:
            commits[repo.item.key] = found.commit
        planned.append(PlannedRepo(repo, found.change, found))
    return planned


def plan_offline(repos: list[ReleasedRepo]) -> list[PlannedRepo]:
    """Return the content of the repos to push as the change that it makes in an empty repo. The Hub is not asked."""
    from huggingface_hub import HfApi

    commits = {key: PENDING for repo in repos for key in repo.needs}
    planned = []
    for repo in repos:
        with tempfile.TemporaryDirectory() as stage:
            change = plan_change(HfApi(), repo.content(commits, Path(stage)), None)
        planned.append(PlannedRepo(repo, change, None))
    return planned


def push_repos(settings: ReleaseSettings, repos: list[ReleasedRepo]) -> Iterator[Pushed]:
    """Push the repos in their order, and yield what was pushed. After an interruption, the same call continues."""
    commits = _known_commits(settings, repos)
    for repo in repos:
        pushed = _push(settings, repo, commits, dry_run=False)
        commits[repo.item.key] = pushed.commit or PENDING
        if repo.part == "corpus" and settings.published_contexts == "none" and not pushed.is_new:
            warn_of_published_contexts(settings.corpus_id)
        yield pushed


def collect(settings: ReleaseSettings, repos: list[ReleasedRepo], dry_run: bool) -> CollectionChange:
    """Add the missing repos to the collection, or with `dry_run` compare it with them."""
    items = [repo.item for repo in repos]
    return update_collection(settings.org, settings.title, DESCRIPTION, items, settings.private, dry_run)


def _known_commits(settings: ReleaseSettings, repos: list[ReleasedRepo]) -> dict[ItemKey, str]:
    """Return the commits on the Hub of what `repos` need and do not have, and PENDING for `repos`."""
    commits = {repo.item.key: PENDING for repo in repos}
    for key in dict.fromkeys(key for repo in repos for key in repo.needs):
        if key not in commits:
            commits[key] = _commit_on_hub(settings, key) or PENDING
    return commits


def _commit_on_hub(settings: ReleaseSettings, key: ItemKey) -> str | None:
    """Return the newest commit of the corpus, which must have the rows of the release, or of a model."""
    from huggingface_hub import HfApi

    if key == settings.corpus_key:
        report = read_corpus_report(settings.dataset)
        use = "the corpus of the release"
        return corpus_on_hub(str(settings.dataset), report.revision, settings.corpus_id, "--name", use).revision
    repo_type, repo_id = key
    with translate_hub_errors(repo_id, repo_type):
        return HfApi().repo_info(repo_id, repo_type=repo_type).sha


def _push(settings: ReleaseSettings, repo: ReleasedRepo, commits: Commits, dry_run: bool) -> Pushed:
    with tempfile.TemporaryDirectory() as stage:
        return push(repo.content(commits, Path(stage)), settings.private, settings.tag, dry_run)
