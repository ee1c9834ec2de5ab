"""Measure the verifier of `calibrate` on pairs that are known to be good, and on wrong answers made from them."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from dataset_builder.corpus.questions import CorpusQuestion
from dataset_builder.errors import InputError
from dataset_builder.tables import Table
from dataset_builder.verification.example import ERROR_KINDS, ErrorKind
from dataset_builder.verification.separation import separating_threshold
from dataset_builder.verification.support_check import SupportCheck
from dataset_builder.verifier_examples.made import make_examples


@dataclass(frozen=True)
class VerifierCalibration:
    """The supports of good pairs, and of wrong answers by kind of error. `best` separates them best."""

    good: list[float]
    wrong: dict[ErrorKind, list[float]]
    current: float
    best: float


def calibrate_verifier(pairs: Sequence[CorpusQuestion], check: SupportCheck, seed: int) -> VerifierCalibration:
    """Return the supports of the pairs, and of the wrong answers that the rules make from them by `seed`.

    Raises `InputError` if the rules make no wrong answer.
    """
    wrong = [(example, example.error) for example in make_examples(pairs, seed) if example.error]
    if not wrong:
        raise InputError(f"the rules make no wrong answer from these {len(pairs)} pairs; give more pairs")
    items = [(pair.context, pair.question, pair.answer) for pair in pairs]
    items += [(example.context, example.question, example.answer) for example, _ in wrong]
    supports = check.supports(items)
    good = supports[: len(pairs)]
    by_kind: dict[ErrorKind, list[float]] = defaultdict(list)
    for (_, kind), support in zip(wrong, supports[len(pairs) :], strict=True):
        by_kind[kind].append(support)
    return VerifierCalibration(
        good=good,
        wrong={kind: by_kind[kind] for kind in ERROR_KINDS if kind in by_kind},
        current=check.threshold,
        best=separating_threshold(good, supports[len(pairs) :]),
    )


def verifier_table(found: VerifierCalibration) -> Table:
    """Return the share of good pairs that pass, and of wrong answers that are rejected, at both thresholds."""
    thresholds = (found.current, found.best)
    every = [support for supports in found.wrong.values() for support in supports]
    passing = [_share_below(found.good, threshold) for threshold in thresholds]
    rows = [["good pairs: pass", str(len(found.good)), *(f"{1 - share:.1%}" for share in passing)]]
    wrong: list[tuple[str, list[float]]] = [("wrong answers: rejected", every), *found.wrong.items()]
    for name, supports in wrong:
        shares = (_share_below(supports, threshold) for threshold in thresholds)
        rows.append([name, str(len(supports)), *(f"{share:.1%}" for share in shares)])
    return ["", "answers", f"{found.current:.3f}, current", f"{found.best:.3f}, best"], rows


def _share_below(supports: Sequence[float], threshold: float) -> float:
    return sum(support < threshold for support in supports) / len(supports)
