"""Define verifier.json, which a verifier has next to its weights: threshold and figures on held-out papers."""

from collections.abc import Sequence
from pathlib import Path

from dataset_builder.formats import FileFormat, read_format, write_format
from dataset_builder.verification.example import ERROR_KINDS, ErrorKind, Example
from dataset_builder.verification.separation import FlaggedErrors, auroc, flagged_errors, separating_threshold

VERIFIER_FILE = "verifier.json"


class KindFigures(FlaggedErrors):
    """The number of unsupported answers of one kind of error, or of all kinds, and how well they are found.

    All supported answers are compared with the unsupported ones of the kind.
    """

    unsupported: int
    auroc: float


class SplitFigures(FileFormat):
    """The figures on the examples of one split, over all kinds and by kind."""

    papers: int
    supported: int
    all_kinds: KindFigures
    by_kind: dict[ErrorKind, KindFigures]


class BaselineFigures(FileFormat):
    """The AUROC of scores that need no verifier, over all kinds and by kind, on the test examples.

    The similarity to the reference leaves out the supported answers that are the reference itself.
    """

    all_kinds: float
    by_kind: dict[ErrorKind, float]


class VerifierReport(FileFormat):
    """The content of verifier.json.

    `threshold` is the lowest support of an accepted answer, chosen on the validation examples. `max_tokens` is the
    largest number of tokens that the verifier reads: the question, the answer, and the nearest `sentences` of the
    abstract. `left_out` are kinds of error that are not in the training examples; the other splits have them.
    `written` are the figures on the written answers on validation papers, null without such answers.
    """

    threshold: float
    max_tokens: int
    sentences: int
    left_out: list[ErrorKind]
    train_examples: int
    train_written_answers: int
    validation: SplitFigures
    written: SplitFigures | None
    test: SplitFigures
    baselines: dict[str, BaselineFigures]


def read_verifier_report(folder: Path) -> VerifierReport:
    """Return the report of the verifier in `folder`; raises `InputError` for a file that cannot be read."""
    return read_format(VerifierReport, folder / VERIFIER_FILE, "train the verifier again in another --output_dir")


def write_verifier_report(folder: Path, report: VerifierReport) -> None:
    """Write verifier.json into `folder`."""
    write_format(folder / VERIFIER_FILE, report)


def threshold_of(examples: Sequence[Example], scores: Sequence[float]) -> float:
    """Return the threshold that separates the examples best; both labels must occur."""
    return separating_threshold(*_by_label(examples, scores))


def split_figures(examples: Sequence[Example], scores: Sequence[float], threshold: float) -> SplitFigures:
    """Return the figures of `scores`, the support of each example; both labels must occur."""
    supported, unsupported = _by_label(examples, scores)
    return SplitFigures(
        papers=len({example.paper_id for example in examples}),
        supported=len(supported),
        all_kinds=_figures(supported, unsupported, threshold),
        by_kind={
            kind: _figures(supported, wrong, threshold) for kind, wrong in _scores_by_kind(examples, scores).items()
        },
    )


def baseline_figures(examples: Sequence[Example], scores: Sequence[float]) -> BaselineFigures:
    """Return the AUROC of `scores`, which need not be from 0 to 1; both labels must occur."""
    supported, unsupported = _by_label(examples, scores)
    return BaselineFigures(
        all_kinds=auroc(supported, unsupported),
        by_kind={kind: auroc(supported, wrong) for kind, wrong in _scores_by_kind(examples, scores).items()},
    )


def _figures(supported: list[float], unsupported: list[float], threshold: float) -> KindFigures:
    flagged = flagged_errors(supported, unsupported, threshold)
    return KindFigures(
        precision=flagged.precision,
        recall=flagged.recall,
        unsupported=len(unsupported),
        auroc=auroc(supported, unsupported),
    )


def _by_label(examples: Sequence[Example], scores: Sequence[float]) -> tuple[list[float], list[float]]:
    labelled = list(zip(examples, scores, strict=True))
    return (
        [score for example, score in labelled if example.is_supported],
        [score for example, score in labelled if not example.is_supported],
    )


def _scores_by_kind(examples: Sequence[Example], scores: Sequence[float]) -> dict[ErrorKind, list[float]]:
    by_kind: dict[ErrorKind, list[float]] = {
        kind: [score for example, score in zip(examples, scores, strict=True) if example.error == kind]
        for kind in ERROR_KINDS
    }
    return {kind: found for kind, found in by_kind.items() if found}
