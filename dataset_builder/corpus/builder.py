"""The corpus as a `datasets` builder: one config for each teacher whose pairs are the test split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import datasets

from dataset_builder.corpus.pairs import read_pairs
from dataset_builder.corpus.papers import read_papers
from dataset_builder.corpus.rows import Row, corpus_rows
from dataset_builder.corpus.splits import SPLITS

FEATURES = datasets.Features(
    {
        "instruction": datasets.Value("string"),
        "context": datasets.Value("string"),
        "context_sha256": datasets.Value("string"),
        "question": datasets.Value("string"),
        "answer": datasets.Value("string"),
        "paper_id": datasets.Value("string"),
        "title": datasets.Value("string"),
        "year": datasets.Value("int32"),
        "paper_url": datasets.Value("string"),
        "teacher": datasets.Value("string"),
    }
)


@dataclass
class IscaQAConfig(datasets.BuilderConfig):
    """A config is named after its test teacher; `papers` and `qa` are the folders of papers and pairs."""

    papers: str = ""
    qa: str = ""
    train_teacher: str = ""


class IscaQA(datasets.GeneratorBasedBuilder):
    """Question-answer pairs on ISCA abstracts, split by year and paper.

    `IscaQA(config_name="plain", papers=..., qa=..., train_teacher="detailed")`, then `download_and_prepare()` and
    `as_dataset()`. `dropped` then holds the pairs left out, by role and reason (see `corpus_rows`).
    """

    VERSION = datasets.Version("1.1.0")
    BUILDER_CONFIG_CLASS = IscaQAConfig
    dropped: dict[str, Counter[str]]

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(features=FEATURES)

    def _split_generators(self, dl_manager: datasets.DownloadManager) -> list[datasets.SplitGenerator]:
        # Read here and not in _generate_examples: the library wraps what that raises, and hides the message.
        train_teacher, test_teacher = self.config.train_teacher, self.config.name
        rows, self.dropped = corpus_rows(
            read_papers(Path(self.config.papers)),
            read_pairs(Path(self.config.qa), train_teacher),
            train_teacher,
            read_pairs(Path(self.config.qa), test_teacher),
            test_teacher,
        )
        return [datasets.SplitGenerator(name=split, gen_kwargs={"rows": [rows[split]]}) for split in SPLITS]

    def _generate_examples(self, rows: list[list[Row]]) -> Iterator[tuple[int, Row]]:
        for shard in rows:
            yield from enumerate(shard)
