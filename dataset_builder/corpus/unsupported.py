"""Count the rows of a corpus that a verifier does not support, and leave them out if wanted."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from dataset_builder.corpus.report import ConfigRows, UnsupportedPairs, read_configs
from dataset_builder.corpus.rows import CorpusRow
from dataset_builder.corpus.split_files import CorpusFiles, write_split
from dataset_builder.errors import InputError
from dataset_builder.verification.support_check import SupportCheck


@dataclass(frozen=True)
class SupportFilter:
    """The check of the rows of a corpus; the rows that fail it are left out if `drops`, and else only counted."""

    check: SupportCheck
    drops: bool

    def apply(self, files: CorpusFiles) -> UnsupportedPairs:
        """Return the part of the report on the rows that the verifier does not support.

        If `drops`, write the splits again without these rows. Raises `InputError` if a split would be empty.
        """
        configs = read_configs(files)
        unsupported = self._find_unsupported(configs)
        if self.drops:
            _drop_rows(files, configs, unsupported)
        return UnsupportedPairs(
            verifier_sha256=self.check.verifier.folder.fingerprint,
            threshold=self.check.threshold,
            dropped=self.drops,
            configs={
                name: {split: sum(row in unsupported for row in rows) for split, rows in splits.items()}
                for name, splits in configs.items()
            },
        )

    def _find_unsupported(self, configs: Mapping[str, ConfigRows]) -> set[CorpusRow]:
        # The verifier reads a row that two configs share once.
        rows = list(dict.fromkeys(row for splits in configs.values() for split in splits.values() for row in split))
        supports = self.check.supports([(row.context or "", row.question, row.answer) for row in rows])
        return {row for row, support in zip(rows, supports, strict=True) if support < self.check.threshold}


def _drop_rows(files: CorpusFiles, configs: Mapping[str, ConfigRows], unsupported: Collection[CorpusRow]) -> None:
    for paths, (config, split) in {paths: key for key, paths in files.items()}.items():
        kept = [row for row in configs[config][split] if row not in unsupported]
        if not kept:
            raise InputError(
                f"--drop-unsupported: leaves no pair in the {split} split of {config!r}; give a lower "
                "--verifier-threshold, or leave --drop-unsupported out"
            )
        for path in paths:
            path.unlink()
        write_split(paths[0].parent, split, kept)
