"""Find the demo of a release: a Space that loads the published models, each at its commit."""

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from dataset_builder.errors import InputError
from dataset_builder.hub.changes import Push
from dataset_builder.hub.collection import Item
from dataset_builder.models.packaged import DEFAULT_ENCODER
from eval.analysis.scores import read_scores
from eval.asking.abstention import read_abstention
from eval.demo.push import DemoSettings, demo_content
from model_cards.names import name_on_hub
from model_cards.publish_checks import base_on_hub
from model_cards.release.repo import Commits, ReleasedRepo
from model_cards.release.settings import ReleaseSettings
from model_cards.trained_run import TrainedRun


def find_demo(settings: ReleaseSettings, repos: Sequence[ReleasedRepo]) -> ReleasedRepo:
    """Return the repo of the demo, which loads the models and the verifier in `repos`.

    It loads the corpus, too, if that is published with its abstracts.
    """
    parts = {"models", "verifier"} | ({"corpus"} if settings.published_contexts == "full" else set())
    loaded = [repo for repo in repos if repo.part in parts]
    note = "A page that asks the models about an abstract, and marks the sentences that are nearest to their answers."
    item = Item("space", f"{settings.corpus_id}-demo", note)
    content = partial(_content, settings, item.repo_id, loaded)
    return ReleasedRepo("demo", item, content, tuple(repo.item.key for repo in loaded))


def _content(
    settings: ReleaseSettings, repo_id: str, loaded: Sequence[ReleasedRepo], commits: Commits, _: Path
) -> Push:
    def pin(repo: ReleasedRepo) -> str:
        return f"{repo.item.repo_id}@{commits[repo.item.key]}"

    models = {pin(repo): repo.run for repo in loaded if repo.part == "models" and repo.run}
    words = [*_base_models(settings, models.values()), *(f"{run.system}={name}" for name, run in models.items())]
    dataset = next((pin(repo) for repo in loaded if repo.part == "corpus"), None)
    verifier = next((pin(repo) for repo in loaded if repo.part == "verifier"), None)
    return demo_content(repo_id, DemoSettings(tuple(words), dataset, verifier, chosen_encoder(models.values())))


def chosen_encoder(runs: Iterable[TrainedRun]) -> str:
    """Return the encoder by which the thresholds of the models were chosen; the page loads one."""
    chosen = sorted({found.encoder for run in runs if (found := read_abstention(run.path))})
    if len(chosen) > 1:
        problem = f"the thresholds of the models were chosen by several encoders ({', '.join(chosen)})"
        raise InputError(
            f"demo: {problem}, and the page loads one; run `python -m eval choose-threshold` for all models"
        )
    return chosen[0] if chosen else DEFAULT_ENCODER


def _base_models(settings: ReleaseSettings, runs: Iterable[TrainedRun]) -> list[str]:
    """Return the base models of `runs` that the scores ask by their chat template, in the form of `eval demo`."""
    bases = {base_on_hub(run, settings.options.base_model) for run in runs}
    words: dict[str, str] = {}
    for name, system in read_scores(settings.scores).systems.items():
        base = name_on_hub(system.model) if system.model else None
        if base is not None and base in bases and (system.role, system.prompt) == ("baseline", "chat"):
            words.setdefault(base, f"{name}={base},prompt=chat")
    return list(words.values())
