"""Aggregate metric values to scores: means with intervals, differences between systems, agreement of the metrics."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

from dataset_builder.corpus.questions import CorpusQuestion
from eval.analysis.heuristics import Heuristic
from eval.analysis.question_groups import group_questions
from eval.analysis.scores import (
    Agreement,
    ConfigScores,
    DecodingRecord,
    DifferenceScore,
    HeuristicScores,
    MeanScore,
    MetricScore,
    Scores,
    ScoresHeader,
    SystemScores,
)
from eval.analysis.statistics import Estimate, difference, estimate, holm
from eval.metrics.lexical import HEADLINE, SHARES, mean_range
from eval.metrics.predictions import MetricValues
from eval.systems import System

DECIMALS = 6


def score_all(
    header: ScoresHeader,
    questions: Mapping[str, Sequence[CorpusQuestion]],
    systems: Sequence[System],
    values: Mapping[str, Mapping[str, MetricValues]],
    heuristics: Mapping[str, Sequence[Heuristic]],
    heuristic_values: Mapping[str, Mapping[str, MetricValues]],
) -> Scores:
    """Return the content of scores.json; values are by config and by system or heuristic."""
    kinds = {heuristic.name: heuristic.kind for config in heuristics.values() for heuristic in config}

    def configs(name: str, by_config: Mapping[str, Mapping[str, MetricValues]]) -> dict[str, ConfigScores]:
        return {
            config: score_config(questions[config], by_name[name])
            for config, by_name in by_config.items()
            if name in by_name
        }

    return Scores(
        **dict(header),
        systems={
            system.name: SystemScores(
                model=system.model.given,
                sha256=system.model.fingerprint,
                prompt=system.prompt,
                decoding=_decoding_record(system),
                configs=configs(system.name, values),
            )
            for system in systems
        },
        heuristics={
            name: HeuristicScores(kind=kind, configs=configs(name, heuristic_values)) for name, kind in kinds.items()
        },
        differences={
            config: score_differences(
                questions[config], _headline(values[config]), _headline(heuristic_values[config])
            )
            for config in questions
        },
        agreement={config: metric_agreement(by_name) for config, by_name in values.items()},
    )


def _decoding_record(system: System) -> DecodingRecord:
    if system.decoding is None:
        return DecodingRecord(method="greedy")
    sampling, encoder = system.decoding.sampling, system.decoding.encoder
    return DecodingRecord(method="mbr", **dict(sampling), encoder_sha256=encoder.fingerprint)


def _headline(values: Mapping[str, MetricValues]) -> dict[str, list[float | None]]:
    return {name: metrics[HEADLINE] for name, metrics in values.items()}


def score_config(questions: Sequence[CorpusQuestion], values: MetricValues) -> ConfigScores:
    """Return the scores of one system or heuristic on one config.

    Each mean is over the questions that the metric applies to.
    """
    groups = group_questions(questions)

    def mean(metric: str, numbers: Iterable[int]) -> MeanScore | None:
        pairs = [(values[metric][number], questions[number].paper_id) for number in numbers]
        known = [(value, paper) for value, paper in pairs if value is not None]
        if not known:
            return None
        found = estimate([value for value, _ in known], [paper for _, paper in known], share=metric in SHARES)
        return _mean_score(found, *mean_range(metric))

    def group_means(metric: str, numbers_by_label: Mapping[str, list[int]]) -> dict[str, MeanScore]:
        means = {label: mean(metric, numbers) for label, numbers in numbers_by_label.items()}
        return {label: score for label, score in means.items() if score is not None}

    answered = [question for question, value in zip(questions, values[HEADLINE], strict=True) if value is not None]
    return ConfigScores(
        n=len(answered),
        papers=len({question.paper_id for question in answered}),
        metrics={
            metric: MetricScore(
                **dict(overall),
                by_year=group_means(metric, groups.by_year),
                by_kind=group_means(metric, groups.by_kind),
                by_length=group_means(metric, groups.by_length),
            )
            for metric in values
            if (overall := mean(metric, range(len(questions)))) is not None
        },
    )


def score_differences(
    questions: Sequence[CorpusQuestion],
    systems: Mapping[str, Sequence[float | None]],
    heuristics: Mapping[str, Sequence[float | None]],
) -> list[DifferenceScore]:
    """Return the paired differences of the headline metric between systems, and of each system from each heuristic.

    `systems` and `heuristics` hold the values of the headline metric by name. A difference is over the questions that
    both answered; its p is corrected for the number of differences returned.
    """
    values = {**systems, **heuristics}
    compared = [*combinations(systems, 2), *((system, heuristic) for system in systems for heuristic in heuristics)]
    differences = []
    for first, second in compared:
        both = [
            (one, other, question.paper_id)
            for one, other, question in zip(values[first], values[second], questions, strict=True)
            if one is not None and other is not None
        ]
        ones, others, papers = zip(*both, strict=True)
        differences.append(difference(ones, others, papers))
    p_values = [round(found.p, DECIMALS) for found in differences]
    return [
        DifferenceScore(
            first=first,
            second=second,
            p=p,
            p_corrected=round(corrected, DECIMALS),
            **dict(_mean_score(found.estimate)),
        )
        for (first, second), found, p, corrected in zip(compared, differences, p_values, holm(p_values), strict=True)
    ]


def metric_agreement(values: Mapping[str, MetricValues]) -> Agreement:
    """Return how far the metrics agree, from the values of each system on one config.

    The length ratio is left out, because a higher one is not better.
    """
    from scipy.stats import spearmanr

    metrics = [name for name in next(iter(values.values())) if name != "length_ratio"]
    pooled = {name: [value for system in values.values() for value in system[name]] for name in metrics}
    spearman: dict[str, dict[str, float]] = {name: {} for name in metrics}
    for first, second in combinations(metrics, 2):
        both = [pair for pair in zip(pooled[first], pooled[second], strict=True) if None not in pair]
        ones, others = [one for one, _ in both], [other for _, other in both]
        # A metric with the same value for all answers has no ranks.
        if len(set(ones)) > 1 and len(set(others)) > 1:
            correlation = round(float(spearmanr(ones, others).statistic), 4)
            spearman[first][second] = spearman[second][first] = correlation

    def best_first(metric: str) -> list[str]:
        def mean(system: str) -> float:
            known = [value for value in values[system][metric] if value is not None]
            return sum(known) / len(known) if known else -math.inf

        return sorted(values, key=mean, reverse=True)

    return Agreement(spearman=spearman, order={metric: best_first(metric) for metric in metrics})


def _mean_score(found: Estimate, lowest: float = -math.inf, highest: float = math.inf) -> MeanScore:
    """Return the rounded estimate, its interval cut off at the ends of the scale."""
    low = None if found.low is None else round(max(lowest, found.low), DECIMALS)
    high = None if found.high is None else round(min(highest, found.high), DECIMALS)
    return MeanScore(mean=round(found.mean, DECIMALS), low=low, high=high, n=found.n, papers=found.papers)
