"""Compare systems with each other and with heuristics: paired differences, tests, and what the tests can detect."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, product

from dataset_builder.corpus.questions import CorpusQuestion
from eval.analysis.power import equivalence_p, smallest_detectable
from eval.analysis.scores import DECIMALS, DifferenceScore
from eval.analysis.statistics import PairedDifference, difference, holm


def score_differences(
    questions: Sequence[CorpusQuestion],
    systems: Mapping[str, Sequence[float | None]],
    heuristics: Mapping[str, Sequence[float | None]],
) -> list[DifferenceScore]:
    """Return the paired differences between systems, and of each system from each heuristic.

    `systems` and `heuristics` hold the values of the headline metric by name. A difference is over the questions that
    both answered. Its p is corrected for the number of differences in its family: the differences between systems are
    one family, the differences from heuristics another.
    """
    values = {**systems, **heuristics}

    def compare(pairs: Iterable[tuple[str, str]]) -> list[DifferenceScore]:
        found = []
        for first, second in pairs:
            both = [
                (one, other, question.paper_id)
                for one, other, question in zip(values[first], values[second], questions, strict=True)
                if one is not None and other is not None
            ]
            found.append((first, second, difference(*zip(*both, strict=True))))
        return _correct(found)

    return compare(combinations(systems, 2)) + compare(product(systems, heuristics))


def _correct(family: Sequence[tuple[str, str, PairedDifference]]) -> list[DifferenceScore]:
    """Return the scores of one family of differences, with p-values corrected for its size."""
    corrected = holm([one.p for *_, one in family])
    equivalent = holm([equivalence_p(one.mean.mean, one.standard_error, one.mean.papers) for *_, one in family])
    scores = []
    for (first, second, one), p_corrected, p_equivalent in zip(family, corrected, equivalent, strict=True):
        error = one.standard_error
        detectable = smallest_detectable(error, one.mean.papers, len(family))
        score = DifferenceScore(
            **dict(one.mean.rounded()),
            first=first,
            second=second,
            p=round(one.p, DECIMALS),
            p_corrected=round(p_corrected, DECIMALS),
            standard_error=None if error is None else round(error, DECIMALS),
            detectable=None if detectable is None else round(detectable, DECIMALS),
            p_equivalent=round(p_equivalent, DECIMALS),
        )
        scores.append(score)
    return scores
