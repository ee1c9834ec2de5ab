"""Aggregate metric values to scores: means with intervals, by group of questions, and agreement of the metrics."""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import chain, combinations

from scipy.stats import spearmanr

from dataset_builder.corpus.questions import CorpusQuestion
from eval.analysis.differences import score_differences
from eval.analysis.heuristics import heuristic_kind
from eval.analysis.scores import (
    Agreement,
    ConfigScores,
    DecodingRecord,
    HeuristicScores,
    MeanScore,
    MetricScore,
    Scores,
    ScoresHeader,
    SystemScores,
)
from eval.analysis.statistics import estimate
from eval.generation.generation_rules import count_cut_abstracts, rules_of_folder
from eval.metrics.lexical import HEADLINE, SHARES, SUPPORTED, mean_range
from eval.metrics.predictions import MetricValues
from eval.prompting import Answer
from eval.served_model import ServedModel
from eval.systems import System

# A higher length ratio is not better. The share of supported answers follows from the support.
UNRANKED = ("length_ratio", SUPPORTED)
# "How much" asks for a number. It comes first, because "how" and "what" would match these questions too.
KINDS = {
    "how much": r"how (?:many|much|far|fast|large|big|long|often|small|high|low)|(?:what|which) "
    r"(?:(?:percentage|percent|fraction|share|proportion|number|speedup)s?|factor)",
    "what": r"what",
    "how": r"how",
    "why": r"why",
    "which": r"which",
}
OTHER = "other"
QUESTION_WORD = re.compile("|".join(rf"\b({words})\b" for words in KINDS.values()))
LENGTH_GROUPS = 3
# The numbers of the questions in each group, by the label of the group.
Groups = dict[str, list[int]]


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
            config: score_config(questions[config], by_name[name], answers[config].get(name, ()))
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
                decoding=_decoding_record(system),
                cut_abstracts=_count_cut_abstracts(system, questions),
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
                _headline({name: values[config][name] for name in compared}),
                _headline(heuristic_values[config]),
            )
            for config in questions
        },
        agreement={config: metric_agreement(by_name) for config, by_name in values.items()},
    )


def _headline(values: Mapping[str, MetricValues]) -> dict[str, list[float | None]]:
    return {name: metrics[HEADLINE] for name, metrics in values.items()}


def _count_cut_abstracts(system: System, questions: Mapping[str, Sequence[CorpusQuestion]]) -> int | None:
    if isinstance(system.model, ServedModel):
        return None
    return count_cut_abstracts(system.model, chain.from_iterable(questions.values()), system.prompt)


def _decoding_record(system: System) -> DecodingRecord:
    if isinstance(system.model, ServedModel):
        return DecodingRecord(method=system.method)
    rules = rules_of_folder(system.model)
    record = DecodingRecord(
        method=system.method,
        end_tokens=list(rules.end_tokens),
        repetition_penalty=rules.repetition_penalty,
        settings=list(rules.other),
    )
    if system.decoding is None:
        return record
    sampling, encoder = system.decoding.sampling, system.decoding.encoder
    return record.model_copy(update={**dict(sampling), "encoder_sha256": encoder.fingerprint})


def score_config(
    questions: Sequence[CorpusQuestion], values: MetricValues, answers: Sequence[Answer] = ()
) -> ConfigScores:
    """Return the scores of one system or heuristic on one config; each mean is over the questions with a value.

    `answers` are those of a system, whose cut answers are counted.
    """
    by_year, by_kind, by_length = group_questions(questions)

    def mean(metric: str, numbers: Iterable[int]) -> MeanScore | None:
        by_number = {number: value for number in numbers if (value := values[metric][number]) is not None}
        if not by_number:
            return None
        papers = [questions[number].paper_id for number in by_number]
        return estimate(list(by_number.values()), papers, share=metric in SHARES).rounded(*mean_range(metric))

    def group_means(metric: str, groups: Groups) -> dict[str, MeanScore]:
        return {label: score for label, numbers in groups.items() if (score := mean(metric, numbers))}

    metrics = {
        metric: MetricScore(
            **dict(overall),
            by_year=group_means(metric, by_year),
            by_kind=group_means(metric, by_kind),
            by_length=group_means(metric, by_length),
        )
        for metric in values
        if (overall := mean(metric, range(len(questions))))
    }
    return ConfigScores(
        n=metrics[HEADLINE].n,
        papers=metrics[HEADLINE].papers,
        cut_answers=count_cut_answers(answers),
        metrics=metrics,
    )


def count_cut_answers(answers: Sequence[Answer]) -> int | None:
    """Return how many answers are cut off; None without answers, and if it is not known of all."""
    known = [answer.is_cut for answer in answers if answer.is_cut is not None]
    return sum(known) if answers and len(known) == len(answers) else None


def group_questions(questions: Sequence[CorpusQuestion]) -> tuple[Groups, Groups, Groups]:
    """Return the groups of one config's questions by year, by kind and by length, in the order of tables."""
    lengths = length_groups([question.answer for question in questions])
    return (
        _group([str(question.year) for question in questions], int),
        _group([question_kind(question.question) for question in questions], [*KINDS, OTHER].index),
        _group(lengths, lambda label: int(re.split(r"\D", label)[0])),
    )


def question_kind(question: str) -> str:
    """Return the kind of a question by the first question word in it; "other" if it has none."""
    match = QUESTION_WORD.search(question.lower())
    return list(KINDS)[match.lastindex - 1] if match and match.lastindex else OTHER


def length_groups(references: Sequence[str]) -> list[str]:
    """Return for each reference its group by the number of words ("12-20 words"), of three about equal groups.

    References of the same length are in the same group, so there may be fewer groups.
    """
    lengths = [len(reference.split()) for reference in references]
    ranked = sorted(lengths)
    edges = sorted({ranked[len(ranked) * part // LENGTH_GROUPS] for part in range(1, LENGTH_GROUPS)} - {ranked[0]})
    labels: dict[int, str] = {}
    for low, high in zip([ranked[0], *edges], [*edges, ranked[-1] + 1], strict=True):
        label = f"{low} words" if high == low + 1 else f"{low}-{high - 1} words"
        labels.update(dict.fromkeys(range(low, high), label))
    return [labels[length] for length in lengths]


def _group(labels: Sequence[str], order: Callable[[str], int]) -> Groups:
    return {
        label: [number for number, own in enumerate(labels) if own == label]
        for label in sorted(set(labels), key=order)
    }


def metric_agreement(values: Mapping[str, MetricValues]) -> Agreement:
    """Return how far the metrics agree, from the values of each system on one config."""
    metrics = [name for name in next(iter(values.values())) if name not in UNRANKED]
    pooled = {name: [value for system in values.values() for value in system[name]] for name in metrics}
    spearman: dict[str, dict[str, float]] = {name: {} for name in metrics}
    for first, second in combinations(metrics, 2):
        both = [pair for pair in zip(pooled[first], pooled[second], strict=True) if None not in pair]
        ones, others = [one for one, _ in both], [other for _, other in both]
        # A metric with the same value for all answers has no ranks.
        if len(set(ones)) > 1 and len(set(others)) > 1:
            correlation = round(float(spearmanr(ones, others).statistic), 4)
            spearman[first][second] = spearman[second][first] = correlation

    def mean(metric: str, system: str) -> float:
        known = [value for value in values[system][metric] if value is not None]
        return sum(known) / len(known) if known else -math.inf

    order = {metric: sorted(values, key=partial(mean, metric), reverse=True) for metric in metrics}
    return Agreement(spearman=spearman, order=order)
