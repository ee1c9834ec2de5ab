"""Aggregate metric values to scores: means with intervals, by year of the paper, and paired differences."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, product

from dataset_builder.corpus.questions import CorpusQuestion
from eval.analysis.heuristics import heuristic_kind
from eval.analysis.scores import (
    DECIMALS,
    ConfigScores,
    DifferenceScore,
    HeuristicScores,
    MeanScore,
    MetricScore,
    Scores,
    ScoresHeader,
    SystemScores,
)
from eval.analysis.statistics import estimate, holm, sign_flip_p
from eval.metrics.lexical import HEADLINE, SHARES, mean_range
from eval.metrics.predictions import MetricValues
from eval.prompting import Answer
from eval.served_model import ServedModel
from eval.systems import System


def score_all(
    header: ScoresHeader,
    questions: Mapping[str, Sequence[CorpusQuestion]],
    systems: Sequence[System],
    values: Mapping[str, Mapping[str, MetricValues]],
    heuristic_values: Mapping[str, Mapping[str, MetricValues]],
    answers: Mapping[str, Mapping[str, Sequence[Answer]]],
) -> Scores:
    """Return the content of scores.json; values and answers are by config and by system or heuristic."""

    def configs(name: str, by_config: Mapping[str, Mapping[str, MetricValues]]) -> dict[str, ConfigScores]:
        return {
            config: score_config(questions[config], by_name[name], answers[config].get(name))
            for config, by_name in by_config.items()
            if name in by_name
        }

    compared = [system.name for system in systems if system.role != "closed-book"]
    return Scores(
        **dict(header),
        systems={
            system.name: SystemScores(
                model=system.model.given,
                sha256=system.model.fingerprint,
                prompt=system.prompt.form,
                examples=[example.paper_id for example in system.prompt.examples],
                decoding=system.decoding,
                role=system.role,
                served_model=system.model.server.model if isinstance(system.model, ServedModel) else None,
                configs=configs(system.name, values),
            )
            for system in systems
        },
        heuristics={
            name: HeuristicScores(kind=heuristic_kind(name), configs=configs(name, heuristic_values))
            for name in dict.fromkeys(name for by_name in heuristic_values.values() for name in by_name)
        },
        differences={
            config: score_differences(
                questions[config],
                {name: values[config][name][HEADLINE] for name in compared},
                {name: metrics[HEADLINE] for name, metrics in heuristic_values[config].items()},
            )
            for config in questions
        },
    )


def score_config(
    questions: Sequence[CorpusQuestion], values: MetricValues, answers: Sequence[Answer] | None = None
) -> ConfigScores:
    """Return the scores of one system or heuristic on one config; each mean is over the questions with a value.

    `answers` are those of a system, whose cut answers are counted.
    """
    years = [str(question.year) for question in questions]
    kinds = [question.kind for question in questions]

    def mean(metric: str, numbers: Iterable[int]) -> MeanScore | None:
        by_number = {number: value for number in numbers if (value := values[metric][number]) is not None}
        if not by_number:
            return None
        papers = [questions[number].paper_id for number in by_number]
        return estimate(list(by_number.values()), papers, share=metric in SHARES).rounded(*mean_range(metric))

    def means_by(labels: Sequence[str], metric: str) -> dict[str, MeanScore]:
        numbers = {label: [n for n, own in enumerate(labels) if own == label] for label in sorted(set(labels))}
        return {label: score for label, own in numbers.items() if (score := mean(metric, own))}

    metrics = {
        metric: MetricScore(
            **dict(overall),
            by_year=means_by(years, metric),
            by_kind=means_by(kinds, metric) if len(set(kinds)) > 1 else {},
        )
        for metric in values
        if (overall := mean(metric, range(len(questions))))
    }
    return ConfigScores(
        n=metrics[HEADLINE].n,
        papers=metrics[HEADLINE].papers,
        cut_answers=None if answers is None else sum(answer.is_cut for answer in answers),
        metrics=metrics,
    )


def score_differences(
    questions: Sequence[CorpusQuestion],
    systems: Mapping[str, Sequence[float | None]],
    heuristics: Mapping[str, Sequence[float | None]],
) -> list[DifferenceScore]:
    """Return the paired differences between systems, and of each system from each heuristic.

    `systems` and `heuristics` hold the values of the headline metric by name. A difference is over the questions that
    both answered.
    """
    values = {**systems, **heuristics}

    def compare(pairs: Iterable[tuple[str, str]]) -> list[DifferenceScore]:
        """Return the differences of one family, with p-values corrected for its size."""
        found = [(first, second, *_paired(questions, values[first], values[second])) for first, second in pairs]
        return [
            DifferenceScore(
                **dict(mean.rounded()),
                first=first,
                second=second,
                p=round(p, DECIMALS),
                p_corrected=round(corrected, DECIMALS),
            )
            for (first, second, mean, p), corrected in zip(found, holm([p for *_, p in found]), strict=True)
        ]

    return compare(combinations(systems, 2)) + compare(product(systems, heuristics))


def _paired(
    questions: Sequence[CorpusQuestion], first: Sequence[float | None], second: Sequence[float | None]
) -> tuple[MeanScore, float]:
    """Return the mean of `first` minus `second` over the questions that have both, and its p-value."""
    both = [
        (one - other, question.paper_id)
        for one, other, question in zip(first, second, questions, strict=True)
        if one is not None and other is not None
    ]
    differences, papers = [value for value, _ in both], [paper for _, paper in both]
    return estimate(differences, papers), sign_flip_p(differences, papers)
