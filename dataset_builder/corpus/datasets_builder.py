"""Define the corpus as a `datasets` builder with one config for each test teacher."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import datasets

from dataset_builder.corpus.pairs import read_pairs, teacher_folder
from dataset_builder.corpus.papers import Paper, read_papers, venue_year_files
from dataset_builder.corpus.rows import CorpusRow, features
from dataset_builder.corpus.splits import DEFAULT_RULE, SPLITS, JoinedPairs, SplitRule, corpus_rows
from dataset_builder.files import sha256_of, sha256_of_text


@dataclass
class IscaQAConfig(datasets.BuilderConfig):  # type: ignore[misc]  # datasets has no types
    """A config, named after its test teacher; `papers` and `qa` are the folders of papers and pairs."""

    papers: str = ""
    qa: str = ""
    train_teachers: tuple[str, ...] = ()
    first_test_year: int = DEFAULT_RULE.first_test_year
    validation_share: float = DEFAULT_RULE.validation_share

    def create_config_id(self, config_kwargs: dict[str, Any], custom_features: datasets.Features | None = None) -> str:
        """Return the id of the cache, which changes with the content of the files, not only with their folders."""
        folders = [
            Path(self.papers),
            *(teacher_folder(Path(self.qa), name) for name in (*self.train_teachers, self.name)),
        ]
        files = [path for folder in folders for path in venue_year_files(folder, (".jsonl", ".json"))]
        content = sha256_of_text("".join(f"{path} {sha256_of(path)}\n" for path in files))
        config_id: str = super().create_config_id({**config_kwargs, "content": content}, custom_features)
        return config_id


class IscaQA(datasets.GeneratorBasedBuilder):  # type: ignore[misc]  # datasets has no types
    """Question-answer pairs on paper abstracts, split by year and paper.

    `IscaQA(config_name="plain", papers=..., qa=..., train_teachers=("detailed",))`, then `download_and_prepare()` and
    `as_dataset()`.
    """

    VERSION = datasets.Version("1.1.0")
    BUILDER_CONFIG_CLASS = IscaQAConfig

    @cached_property
    def papers(self) -> list[Paper]:
        """All papers, also those without an abstract."""
        return read_papers(Path(self.config.papers))

    @cached_property
    def joined(self) -> JoinedPairs:
        """The rows of all splits, and what the join dropped and decided."""
        papers = {paper.paper_id: paper for paper in self.papers}
        pairs = {
            teacher: read_pairs(Path(self.config.qa), teacher, papers)
            for teacher in dict.fromkeys((*self.config.train_teachers, self.config.name))
        }
        return corpus_rows(
            papers,
            [pair for teacher in self.config.train_teachers for pair in pairs[teacher]],
            pairs[self.config.name],
            SplitRule(first_test_year=self.config.first_test_year, validation_share=self.config.validation_share),
        )

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(features=features())

    def _split_generators(self, dl_manager: datasets.DownloadManager) -> list[datasets.SplitGenerator]:
        # The files are read here, since the library hides the messages of errors in _generate_examples.
        rows = self.joined.rows
        return [datasets.SplitGenerator(name=split, gen_kwargs={"rows": [rows[split]]}) for split in SPLITS]

    def _generate_examples(self, rows: list[list[CorpusRow]]) -> Iterator[tuple[int, dict[str, str | int | None]]]:
        for shard in rows:
            for number, row in enumerate(shard):
                yield number, asdict(row)
