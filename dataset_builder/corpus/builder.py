"""Define the corpus as a `datasets` builder with one config for each test teacher."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import datasets

from dataset_builder.corpus.pairs import read_pairs
from dataset_builder.corpus.papers import read_papers
from dataset_builder.corpus.rows import CorpusRow, features
from dataset_builder.corpus.splits import SPLITS, corpus_rows


@dataclass
class IscaQAConfig(datasets.BuilderConfig):  # type: ignore[misc]  # datasets has no types
    """A config, named after its test teacher; `papers` and `qa` are the folders of papers and pairs."""

    papers: str = ""
    qa: str = ""
    train_teacher: str = ""


class IscaQA(datasets.GeneratorBasedBuilder):  # type: ignore[misc]  # datasets has no types
    """Question-answer pairs on ISCA abstracts, split by year and paper.

    `IscaQA(config_name="plain", papers=..., qa=..., train_teacher="detailed")`, then `download_and_prepare()` and
    `as_dataset()`. Then `dropped` has the counts of the dropped pairs (see `corpus_rows`).
    """

    VERSION = datasets.Version("1.1.0")
    BUILDER_CONFIG_CLASS = IscaQAConfig
    dropped: dict[str, Counter[str]]

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(features=features())

    def _split_generators(self, dl_manager: datasets.DownloadManager) -> list[datasets.SplitGenerator]:
        # The files are read here, since the library hides the messages of errors in _generate_examples.
        train_teacher, test_teacher = self.config.train_teacher, self.config.name
        papers = {paper.paper_id: paper for paper in read_papers(Path(self.config.papers))}
        rows, self.dropped = corpus_rows(
            papers,
            read_pairs(Path(self.config.qa), train_teacher, papers),
            read_pairs(Path(self.config.qa), test_teacher, papers),
            train_teacher,
            test_teacher,
        )
        return [datasets.SplitGenerator(name=split, gen_kwargs={"rows": [rows[split]]}) for split in SPLITS]

    def _generate_examples(self, rows: list[list[CorpusRow]]) -> Iterator[tuple[int, dict[str, str | int | None]]]:
        for shard in rows:
            for number, row in enumerate(shard):
                yield number, asdict(row)
