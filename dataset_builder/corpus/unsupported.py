"""Count the rows of a corpus that a verifier does not support, and leave them out if wanted."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from dataset_builder.corpus.report import ConfigRows, UnsupportedPairs
from dataset_builder.corpus.rows import CorpusRow
from dataset_builder.errors import InputError
from dataset_builder.verification.support_check import SupportCheck


@dataclass(frozen=True)
class SupportFilter:
    """The check of the rows of a corpus; the rows that fail it are left out if `drops`, and else only counted."""

    check: SupportCheck
    drops: bool

    def find_unsupported(self, configs: Mapping[str, ConfigRows]) -> set[CorpusRow]:
        """Return the rows that the verifier does not support. A row that two configs share is read once."""
        rows = list(dict.fromkeys(row for splits in configs.values() for split in splits.values() for row in split))
        supports = self.check.supports([(row.context or "", row.question, row.answer) for row in rows])
        return {row for row, support in zip(rows, supports, strict=True) if support < self.check.threshold}

    def count(self, configs: Mapping[str, ConfigRows], unsupported: Collection[CorpusRow]) -> UnsupportedPairs:
        """Return the part of the report on the rows in `unsupported`; `configs` has all rows."""
        return UnsupportedPairs(
            verifier_sha256=self.check.verifier.folder.fingerprint,
            threshold=self.check.threshold,
            dropped=self.drops,
            configs={
                name: {split: sum(row in unsupported for row in rows) for split, rows in splits.items()}
                for name, splits in configs.items()
            },
        )


def kept_rows(config: str, split: str, rows: list[CorpusRow], unsupported: Collection[CorpusRow]) -> list[int]:
    """Return the numbers of the rows that are not in `unsupported`; raises `InputError` if none is left."""
    kept = [number for number, row in enumerate(rows) if row not in unsupported]
    if not kept:
        raise InputError(
            f"--drop-unsupported: leaves no pair in the {split} split of {config!r}; give a lower "
            "--verifier-threshold, or leave --drop-unsupported out"
        )
    return kept
