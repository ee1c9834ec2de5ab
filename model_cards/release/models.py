"""Find the models of a release: the trained models of the scores, each after the model that it started from."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path

from dataset_builder.corpus.report import CorpusReport, read_corpus_report
from dataset_builder.errors import InputError
from dataset_builder.hub.changes import Push
from dataset_builder.hub.collection import Item
from dataset_builder.hub.push import check_repo_id
from eval.analysis.scores import Scores, read_scores
from eval.metrics.lexical import HEADLINE
from model_cards.cards.metadata import GEMMA
from model_cards.names import name_on_hub, start_on_hub
from model_cards.publish_checks import base_on_hub, check_encoders, check_names, check_weights
from model_cards.release.settings import Commits, ReleasedRepo, ReleaseSettings
from model_cards.repo_content import model_content
from model_cards.trained_run import TrainedRun, scored_runs
from model_cards.training_data import StartModel, TrainingData


def find_models(settings: ReleaseSettings) -> list[ReleasedRepo]:
    """Return the repos of the models. Raises `InputError` for scores and runs that cannot be published."""
    scores, report = read_scores(settings.scores), read_corpus_report(settings.dataset)
    check_encoders(scores, settings.scores)
    runs = {run.path.resolve(): run for run in scored_runs(scores, settings.scores)}
    if not runs:
        raise InputError(f"--scores {settings.scores}: has no trained model with the plain prompt; evaluate one")
    repos: dict[str, ReleasedRepo] = {}
    for run in order_by_start(runs):
        check_weights(run.path)
        check_names(run, settings.options.base_model)
        repo_id = settings.model_id(run.path)
        check_repo_id(repo_id, f"{run.source}: published as")
        if repo_id in repos:
            raise InputError(f"{run.source}: another run of {settings.scores} has this folder name; rename one")
        item = Item("model", repo_id, _note(settings, run, scores))
        content = partial(_content, settings, report, scores, runs, run)
        repos[repo_id] = ReleasedRepo("models", item, content, (settings.corpus_key,), run)
    return list(repos.values())


def order_by_start(runs: dict[Path, TrainedRun]) -> Iterable[TrainedRun]:
    """Return the runs, given by their folders, so that each follows the run whose model it started from."""
    ordered: dict[Path, TrainedRun] = {}

    def add(folder: Path) -> None:
        start = runs[folder].metrics.adapter
        if start is not None and Path(start).resolve() in runs.keys() - ordered.keys():
            add(Path(start).resolve())
        ordered[folder] = runs[folder]

    for folder in runs:
        add(folder)
    return ordered.values()


def _content(
    settings: ReleaseSettings,
    report: CorpusReport,
    scores: Scores,
    runs: dict[Path, TrainedRun],
    run: TrainedRun,
    commits: Commits,
    stage: Path,
) -> Push:
    commit = commits[settings.corpus_key]

    def name_model(model: str) -> StartModel:
        start = runs.get(Path(model).resolve())
        if start is not None:
            license_id = settings.options.license or start.metrics.license
            return StartModel(settings.model_id(start.path), license_id == GEMMA)
        if name_on_hub(model) is None:
            problem = f"training started from {model}, which {settings.scores} does not have"
            raise InputError(f"{run.source}: {problem}; evaluate both models in one run")
        return start_on_hub(model, None, run.source)

    use = f"the corpus of the scores in {settings.scores}"
    scored = settings.find_corpus(report, commit, scores.dataset, scores.revision, use)
    use = f"the corpus that {run.source} was trained on"
    corpus = settings.find_corpus(report, commit, run.metrics.dataset, run.metrics.dataset_revision, use)
    trained = TrainingData(corpus, name_model(run.metrics.adapter) if run.metrics.adapter else None)
    return model_content(run, scores, settings.model_id(run.path), scored, trained, settings.options, stage)


def _note(settings: ReleaseSettings, run: TrainedRun, scores: Scores) -> str:
    configs = scores.systems[run.system].configs
    similarities = [f"{entry.metrics[HEADLINE].mean:.3f} ({config})" for config, entry in configs.items()]
    kind = "A LoRA adapter for" if run.is_adapter else "A fully fine-tuned version of"
    return (
        f"{kind} {base_on_hub(run, settings.options.base_model)} that answers a question about an abstract. "
        f"Mean similarity to the reference answers of the test split: {', '.join(similarities)}."
    )
