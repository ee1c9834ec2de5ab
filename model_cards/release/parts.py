"""Find the repos of each part of a release, in the order in which they are published."""

from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path

from dataset_builder.corpus.publication.push import corpus_content
from dataset_builder.corpus.report import CorpusReport, read_corpus_report
from dataset_builder.hub.changes import Push
from dataset_builder.hub.collection import Item
from dataset_builder.verification.report import read_verifier_report
from eval.push_metric import NAME as METRIC
from eval.push_metric import metric_content
from model_cards.publish_checks import check_names
from model_cards.publish_verifier import read_verifier_run
from model_cards.release.demo import find_demo
from model_cards.release.models import find_models
from model_cards.release.repo import Commits, ReleasedRepo
from model_cards.release.settings import DEFAULT_VERIFIER, Part, ReleaseSettings
from model_cards.repo_content import RunOptions, verifier_content
from model_cards.trained_run import TrainedRun


def find_repos(settings: ReleaseSettings, parts: Collection[Part]) -> list[ReleasedRepo]:
    """Return the repos of `parts`; with "demo" or "collection", those of all parts, since both name the others.

    Raises `InputError` for anything that is missing or cannot be published.
    """
    needs_all = "demo" in parts or "collection" in parts
    repos = [repo for part, find in FIND_REPOS.items() if part in parts or needs_all for repo in find(settings)]
    return [*repos, find_demo(settings, repos)] if needs_all else repos


def _find_corpus(settings: ReleaseSettings) -> list[ReleasedRepo]:
    report = read_corpus_report(settings.dataset)
    note = (
        f"{report.name}: question-answer pairs on the abstracts of papers, in the splits train, validation and test. "
        f"Configs, by the teacher of the test pairs: {', '.join(report.test_teachers)}."
    )

    def content(_: Commits, stage: Path) -> Push:
        return corpus_content(settings.dataset, settings.corpus_id, settings.published_contexts, stage)

    return [ReleasedRepo("corpus", Item("dataset", settings.corpus_id, note), content)]


def _find_verifier(settings: ReleaseSettings) -> list[ReleasedRepo]:
    folder = settings.verifier or DEFAULT_VERIFIER
    if settings.verifier is None and not folder.is_dir():
        return []
    run, report = read_verifier_run(folder), read_corpus_report(settings.dataset)
    check_names(run, None)
    auroc = read_verifier_report(folder).test.all_kinds.auroc
    note = f"Says whether an abstract supports an answer. AUROC on the test examples: {auroc:.3f}."
    item = Item("model", f"{settings.corpus_id}-verifier", note)
    content = partial(_verifier, settings, report, run)
    return [ReleasedRepo("verifier", item, content, (settings.corpus_key,), run)]


def _verifier(settings: ReleaseSettings, report: CorpusReport, run: TrainedRun, commits: Commits, stage: Path) -> Push:
    use = f"the corpus that {run.source} was trained on"
    recorded = (run.metrics.dataset, run.metrics.dataset_revision)
    corpus = settings.find_corpus(report, commits[settings.corpus_key], *recorded, use)
    # --base-model names the base of the models that answer.
    options = RunOptions(None, settings.options.license)
    return verifier_content(run, f"{settings.corpus_id}-verifier", corpus, options, stage)


def _find_metric(settings: ReleaseSettings) -> list[ReleasedRepo]:
    note = "The metric of the scores: the similarity in meaning of answers and reference answers."
    repo_id = f"{settings.org}/{METRIC}"
    return [ReleasedRepo("metric", Item("space", repo_id, note), lambda commits, stage: metric_content(repo_id))]


FIND_REPOS: dict[Part, Callable[[ReleaseSettings], list[ReleasedRepo]]] = {
    "corpus": _find_corpus,
    "models": find_models,
    "verifier": _find_verifier,
    "metric": _find_metric,
}
