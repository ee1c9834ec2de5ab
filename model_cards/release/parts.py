"""Find the repos of each part of a release, in the order in which they are published."""

from collections.abc import Collection, Iterable, Sequence
from functools import partial
from pathlib import Path

from dataset_builder.corpus.publication.push import corpus_content
from dataset_builder.corpus.report import read_corpus_report
from dataset_builder.hub.changes import Push
from dataset_builder.hub.collection import Item
from eval.analysis.scores import read_scores
from eval.demo.push import DemoSettings, demo_content
from eval.push_metric import NAME as METRIC
from eval.push_metric import metric_content
from model_cards.names import name_on_hub
from model_cards.publish_checks import base_on_hub
from model_cards.release.models import find_models
from model_cards.release.settings import Commits, Part, ReleasedRepo, ReleaseSettings
from model_cards.trained_run import TrainedRun


def find_repos(settings: ReleaseSettings, parts: Collection[Part]) -> list[ReleasedRepo]:
    """Return the repos of `parts`; with "demo" or "collection", those of all parts, since both name the others.

    Raises `InputError` for anything that is missing or cannot be published.
    """
    needs_all = "demo" in parts or "collection" in parts
    repos: list[ReleasedRepo] = []
    if needs_all or "corpus" in parts:
        repos.append(_find_corpus(settings))
    if needs_all or "models" in parts:
        repos += find_models(settings)
    if needs_all or "metric" in parts:
        note = "The metric of the scores: the similarity in meaning of answers and reference answers."
        metric = Item("space", f"{settings.org}/{METRIC}", note)
        repos.append(ReleasedRepo("metric", metric, lambda commits, stage: metric_content(metric.repo_id)))
    return [*repos, _find_demo(settings, repos)] if needs_all else repos


def _find_corpus(settings: ReleaseSettings) -> ReleasedRepo:
    report = read_corpus_report(settings.dataset)
    note = (
        f"{report.name}: question-answer pairs on the abstracts of papers, in the splits train, validation and test. "
        f"Configs, by the teacher of the test pairs: {', '.join(report.test_teachers)}."
    )

    def content(_: Commits, stage: Path) -> Push:
        return corpus_content(settings.dataset, settings.corpus_id, settings.published_contexts, stage)

    return ReleasedRepo("corpus", Item("dataset", settings.corpus_id, note), content)


def _find_demo(settings: ReleaseSettings, repos: Sequence[ReleasedRepo]) -> ReleasedRepo:
    """Return the repo of the demo: a Space that loads the models in `repos`, each at its commit.

    It loads the corpus, too, if that is published with its abstracts.
    """
    parts = {"models"} | ({"corpus"} if settings.published_contexts == "full" else set())
    loaded = [repo for repo in repos if repo.part in parts]
    note = "A page that asks the models about an abstract, and marks the sentences that are nearest to their answers."
    item = Item("space", f"{settings.corpus_id}-demo", note)
    content = partial(_demo_content, settings, item.repo_id, loaded)
    return ReleasedRepo("demo", item, content, tuple(repo.item.key for repo in loaded))


def _demo_content(
    settings: ReleaseSettings, repo_id: str, loaded: Sequence[ReleasedRepo], commits: Commits, _: Path
) -> Push:
    def pin(repo: ReleasedRepo) -> str:
        return f"{repo.item.repo_id}@{commits[repo.item.key]}"

    models = {pin(repo): repo.run for repo in loaded if repo.run}
    words = [*_base_models(settings, models.values()), *(f"{run.system}={name}" for name, run in models.items())]
    dataset = next((pin(repo) for repo in loaded if repo.part == "corpus"), None)
    return demo_content(repo_id, DemoSettings(tuple(words), dataset))


def _base_models(settings: ReleaseSettings, runs: Iterable[TrainedRun]) -> list[str]:
    """Return the base models of `runs` that the scores ask by their chat template, in the form of `eval demo`."""
    bases = {base_on_hub(run, settings.options.base_model) for run in runs}
    words: dict[str, str] = {}
    for name, system in read_scores(settings.scores).systems.items():
        base = name_on_hub(system.model) if system.model else None
        if base is not None and base in bases and (system.role, system.prompt) == ("baseline", "chat"):
            words.setdefault(base, f"{name}={base},prompt=chat")
    return list(words.values())
