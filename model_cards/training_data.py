"""What a run was trained on: the corpus, what pins it, who wrote its pairs, whether the answers are a model's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataset_builder.corpus.load import corpus_revision
from dataset_builder.corpus.report import REPORT_FILE
from dataset_builder.errors import InputError
from dataset_builder.files import read_json
from dataset_builder.hub.card_checks import HUB_ID
from dataset_builder.hub.errors import translate_hub_errors


@dataclass(frozen=True)
class Corpus:
    """A corpus as a card names it, what pins it (None: not recorded), and its report, empty where it is not here."""

    dataset: str
    revision: str | None
    report: dict[str, Any]


@dataclass(frozen=True)
class TrainingData:
    """The corpus whose questions a run was trained on.

    `start` names the adapter that GRPO started from, or the model whose sampled answers were trained on in place of
    the corpus's; `samples` is then the report of these answers, and `dataset` what the recipe calls their folder.
    """

    corpus: Corpus
    dataset: str
    start: str | None = None
    samples: dict[str, Any] | None = None


def training_data(
    metrics: dict[str, Any], place: str, find: Callable[[str, str | None], Corpus], name: Callable[[str], str]
) -> TrainingData:
    """Return what the run of these metrics was trained on.

    `find` gives the corpus for the name and the revision that the run recorded, and `name` what a model is called.
    """
    dataset, revision = metrics["dataset"], metrics.get("dataset_revision")
    report_path = Path(dataset) / REPORT_FILE
    samples = read_json(report_path) if report_path.is_file() else {}
    # The report of `training.best_of_n`; that of a corpus has no such key.
    if "sampling" not in samples:
        corpus = find(dataset, revision)
        return TrainingData(corpus, corpus.dataset, name(metrics["adapter"]) if "adapter" in metrics else None)
    if revision is not None and corpus_revision(dataset) != revision:
        raise InputError(f"{place}: was trained on {dataset} before that changed; put it back, or train again")
    corpus, start = find(samples["dataset"], samples["dataset_revision"]), name(samples["model"])
    named = {"model": start, "dataset": corpus.dataset, "dataset_revision": corpus.revision}
    return TrainingData(corpus, Path(dataset).name, start, samples | named)


def local_corpus(dataset: str, revision: str | None, scored: Corpus) -> Corpus:
    """Return the corpus of a run on this machine; the report is empty where `dataset` is no longer what it was."""
    if revision is not None and revision in (scored.revision, scored.report.get("revision")):
        return scored
    report = Path(dataset) / REPORT_FILE
    same = report.is_file() and revision is not None and corpus_revision(dataset) == revision
    return Corpus(dataset, revision, read_json(report) if same else {})


def corpus_on_hub(dataset: str, revision: str, dataset_id: str | None, option: str, use: str) -> Corpus:
    """Return the corpus on the Hub that `dataset` is at `revision`.

    `dataset_id` names it where `dataset` is a folder; it is what `option` was given, and `use` is the clause of an
    error that says what the corpus has to do with. Raises `InputError` where it is not there with these rows.
    """
    from huggingface_hub import HfApi, hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError

    on_hub = not revision.startswith("sha256:")
    if dataset_id is None and on_hub:
        dataset_id = dataset
    if dataset_id is None or not HUB_ID.fullmatch(dataset_id):
        raise InputError(f"{dataset}, which {use}, is a folder here; name the corpus on the Hub by {option} ORG/NAME")
    with translate_hub_errors(dataset_id, "dataset"):
        commit = HfApi().dataset_info(dataset_id, revision=revision if on_hub else None).sha
        try:
            path = hf_hub_download(dataset_id, REPORT_FILE, repo_type="dataset", revision=commit)
        except EntryNotFoundError:
            path = None
    report = read_json(Path(path)) if path else {}
    if not {"revision", "train_teacher", "teachers"} <= report.keys():
        raise InputError(
            f"{dataset_id}, which {use}: holds no {REPORT_FILE} of a corpus at {commit[:12]}, so that who wrote its "
            "pairs is not known; push the corpus with `python -m dataset_builder push`"
        )
    if not on_hub and report["revision"] != revision:
        raise InputError(
            f"{option} {dataset_id}: has other rows than {dataset}, which {use}; push that corpus first with "
            "`python -m dataset_builder push`, or name another"
        )
    return Corpus(dataset_id, commit, report)
