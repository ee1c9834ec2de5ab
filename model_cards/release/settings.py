"""Define what a release is made from, its repos and their names."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from dataset_builder.corpus.publication.card import corpus_about
from dataset_builder.corpus.publication.push import corpus_license
from dataset_builder.corpus.report import CorpusReport, read_corpus_report
from dataset_builder.errors import InputError
from dataset_builder.hub.changes import Push
from dataset_builder.hub.collection import Item, ItemKey
from model_cards.repo_content import RunOptions
from model_cards.trained_run import TrainedRun
from model_cards.training_data import Corpus, corpus_on_hub

# The parts, in the order in which they are published. Each needs what is before it.
Part = Literal["corpus", "models", "metric", "demo", "collection"]
PARTS: tuple[Part, ...] = get_args(Part)
# Stands for the commit of a repo until the repo is pushed.
PENDING = "0" * 40
# The newest commits of repos.
Commits = Mapping[ItemKey, str]


@dataclass(frozen=True)
class ReleasedRepo:
    """A repo of a release, which is an item of the collection.

    `content` returns the content for a folder for new files, and for the commits of the repos in `needs`, which the
    content names. `run` is the training run of a model.
    """

    part: Part
    item: Item
    content: Callable[[Commits, Path], Push]
    needs: tuple[ItemKey, ...] = ()
    run: TrainedRun | None = None


@dataclass(frozen=True)
class ReleaseSettings:
    """The folders of a release, and where it goes: `org` on the Hub, with `name` in the names of the repos.

    `contexts` is "full", "none", or None for the default of the corpus's licence.
    """

    org: str
    name: str
    dataset: Path
    contexts: str | None
    scores: Path
    options: RunOptions
    private: bool
    tag: str | None

    @property
    def corpus_id(self) -> str:
        """Return the repo of the corpus."""
        return f"{self.org}/{self.name}"

    @property
    def corpus_key(self) -> ItemKey:
        """Return the type and the id of the corpus."""
        return ("dataset", self.corpus_id)

    @property
    def published_contexts(self) -> str:
        """Return the contexts to publish: as chosen, else "none" for others' abstracts with the licence "other"."""
        if self.contexts:
            return self.contexts
        is_own = corpus_about(read_corpus_report(self.dataset)).own_abstracts
        return "none" if corpus_license(self.dataset) == "other" and not is_own else "full"

    @property
    def title(self) -> str:
        """Return the title of the collection."""
        return self.name.upper()

    def model_id(self, run: Path) -> str:
        """Return the repo of the model of a run: ORG/smollm2-isca-qa-lora for runs/smollm2-lora."""
        base, _, method = run.resolve().name.partition("-")
        return f"{self.org}/{'-'.join(filter(None, (base, self.name, method)))}"

    def find_corpus(self, report: CorpusReport, commit: str, dataset: str, revision: str | None, use: str) -> Corpus:
        """Return the corpus of the release, whose `report` is given, at `commit`.

        `dataset` and `revision` are what a run or its scores recorded. If they name a commit of the corpus on the Hub,
        that commit is returned. Raises `InputError` if they name other rows; the clause `use` says what they were used
        for.
        """
        if revision == report.revision:
            return Corpus(self.corpus_id, commit, report)
        if dataset == self.corpus_id and revision is not None and not revision.startswith("sha256:"):
            found = corpus_on_hub(dataset, revision, None, "--name", use)
            if found.report is not None and found.report.revision == report.revision:
                return found
        raise InputError(
            f"{dataset} at revision {revision or 'unknown'}, {use}, has other rows than {self.dataset}, the corpus of "
            "the release; train and evaluate on that corpus, or publish the model with `python -m model_cards publish`"
        )
