"""Find out what a run was trained on: the corpus and its revision, and the model that it started from."""

from dataclasses import dataclass
from pathlib import Path

from dataset_builder.corpus.load import corpus_revision
from dataset_builder.corpus.report import REPORT_FILE, CorpusReport, read_corpus_report
from dataset_builder.errors import InputError
from dataset_builder.files import read_json
from dataset_builder.formats import parse_format
from dataset_builder.hub.errors import translate_hub_errors
from dataset_builder.hub.ids import HUB_ID


@dataclass(frozen=True)
class Corpus:
    """A corpus as a card names it. `revision` is None if it was not recorded, `report` if the corpus is not here."""

    dataset: str
    revision: str | None
    report: CorpusReport | None

    @property
    def name(self) -> str:
        """Return the name of the corpus after its venues, such as ISCA-QA; its id without a report."""
        return self.report.name if self.report else self.dataset

    def asked(self, config: str, count: int) -> str:
        """Return "90 questions" for the `count` test questions asked, or "a sample of 6 of 90 questions"."""
        splits = self.report.configs.get(config) if self.report else None
        total = splits["test"].pairs if splits else count
        return f"{count} questions" if count == total else f"a sample of {count} of {total} questions"


@dataclass(frozen=True)
class StartModel:
    """The model that a run started from, as a card names it, and whether Gemma's terms apply to it."""

    name: str
    under_gemmas_terms: bool


@dataclass(frozen=True)
class TrainingData:
    """The corpus that a run was trained on, and for DPO the adapter `start` that training started from."""

    corpus: Corpus
    start: StartModel | None = None


def local_corpus(dataset: str, revision: str | None, scored: Corpus) -> Corpus:
    """Return the corpus that a run of this machine was trained on; without report if the folder has changed since."""
    scored_revisions = (scored.revision, scored.report and scored.report.revision)
    if revision is not None and revision in scored_revisions:
        return scored
    folder = Path(dataset)
    unchanged = (folder / REPORT_FILE).is_file() and revision is not None and corpus_revision(dataset) == revision
    return Corpus(dataset, revision, read_corpus_report(folder) if unchanged else None)


def corpus_on_hub(dataset: str, revision: str, dataset_id: str | None, option: str, use: str) -> Corpus:
    """Return the corpus on the Hub that has the rows of `dataset` at `revision`.

    `dataset_id` is its name there, as `option` gave it; a folder needs one. In errors, the clause `use` says what the
    corpus is used for. Raises `InputError` if the Hub does not have the corpus with the same rows.
    """
    from huggingface_hub import HfApi, hf_hub_download
    from huggingface_hub.errors import RemoteEntryNotFoundError

    from_hub = not revision.startswith("sha256:")
    if dataset_id is None and from_hub:
        dataset_id = dataset
    if dataset_id is None or not HUB_ID.fullmatch(dataset_id):
        raise InputError(f"{dataset}, {use}, is a local folder; name the corpus on the Hub by {option} ORG/NAME")
    push_it = "push the corpus with `python -m dataset_builder push`"
    with translate_hub_errors(dataset_id, "dataset"):
        commit = HfApi().dataset_info(dataset_id, revision=revision if from_hub else None).sha
        try:
            path = hf_hub_download(dataset_id, REPORT_FILE, repo_type="dataset", revision=commit)
        except RemoteEntryNotFoundError as error:
            raise InputError(
                f"{dataset_id}, {use}, has no {REPORT_FILE} at commit {commit}, so its teacher is unknown; {push_it}"
            ) from error
    report = parse_format(CorpusReport, read_json(Path(path)), f"{REPORT_FILE} of {dataset_id}", push_it)
    if not from_hub and report.revision != revision:
        raise InputError(
            f"{option} {dataset_id}: its rows differ from {dataset}, {use}; {push_it}, or give the name of another"
        )
    return Corpus(dataset_id, commit, report)
