"""Read the papers that the page offers, with their questions and reference answers."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from dataset_builder.corpus.load import configs_with_test, corpus_revision, load_corpus_split
from dataset_builder.corpus.questions import CorpusQuestion, read_questions
from dataset_builder.hub.ids import split_revision


@dataclass(frozen=True)
class DemoPaper:
    """A paper with its abstract, and the reference answers of the corpus by their questions."""

    title: str
    year: int
    abstract: str
    references: dict[str, str] = field(default_factory=dict)


class DemoPapers:
    """The papers by their ids, sorted by title. An abstract that people paste may be in the corpus, too."""

    def __init__(self, questions: Iterable[CorpusQuestion] = ()) -> None:
        found: dict[str, DemoPaper] = {}
        for one in questions:
            paper = found.setdefault(one.paper_id, DemoPaper(one.title or one.paper_id, one.year, one.context))
            paper.references.setdefault(one.question, one.answer)
        self.by_id = dict(sorted(found.items(), key=lambda item: item[1].title.casefold()))
        self._references = {_normalize(paper.abstract): paper.references for paper in found.values()}

    def find_reference(self, abstract: str, question: str) -> str | None:
        """Return the reference answer to a question of the corpus; None for every other question."""
        return self._references.get(_normalize(abstract), {}).get(question.strip())


def read_papers(dataset: str) -> DemoPapers:
    """Return the papers in the test splits of the corpus `dataset`: a folder, a Hub id or ORG/NAME@REVISION.

    Raises `InputError` for anything that is not a corpus, and for a corpus without its abstracts.
    """
    name, wanted = split_revision(dataset)
    revision = corpus_revision(name, wanted)
    # Before the names of the configs are read: it explains why a corpus cannot be loaded.
    default = read_questions(load_corpus_split(name, None, "test", revision))
    configs = configs_with_test(name, revision)
    others = (read_questions(load_corpus_split(name, config, "test", revision)) for config in configs)
    return DemoPapers([*default, *(question for config in others for question in config)])


def _normalize(abstract: str) -> str:
    return " ".join(abstract.split())
