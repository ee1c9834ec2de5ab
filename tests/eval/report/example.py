"""A small evaluation to write reports on: 45 questions on 15 papers, two systems, a baseline and an upper bound."""

from __future__ import annotations

from dataset_builder.corpus.questions import CorpusQuestion
from eval.analysis.scores import (
    ConfigScores,
    DifferenceScore,
    HeuristicScores,
    MeanScore,
    MetricScore,
    Scores,
    SystemScores,
)
from eval.prompting import Answer
from eval.run_metrics import ChosenEpoch, EpochLoss, RunMetrics, StepLoss, ValidationScore

HOSTILE = "</script><script>document.title = 'broken'</script><img src=x onerror=\"document.title = 'broken'\">"
QUESTIONS = 45


def config_scores(mean: float, **metrics: float) -> ConfigScores:
    """Return scores with an interval of 0.1 around the mean similarity, and `metrics` without an interval."""
    values = {"cosine_similarity": mean, **metrics}
    return ConfigScores(n=QUESTIONS, papers=15, metrics={name: _metric(value) for name, value in values.items()})


def _metric(mean: float) -> MetricScore:
    def part(n: int, papers: int) -> MeanScore:
        return MeanScore(mean=mean, low=mean - 0.05, high=mean + 0.05, n=n, papers=papers)

    return MetricScore(
        **dict(part(QUESTIONS, 15)),
        by_year={"2022": part(23, 15), "2023": part(22, 15)},
    )


def difference(first: str, second: str, mean: float, p: float) -> DifferenceScore:
    """Return a difference with an interval of 0.1 around its mean."""
    return DifferenceScore(
        first=first,
        second=second,
        mean=mean,
        low=mean - 0.05,
        high=mean + 0.05,
        n=QUESTIONS,
        papers=15,
        p=p,
        p_corrected=min(1.0, 2 * p),
    )


SCORES = Scores(
    date="2026-11-25",
    dataset=HOSTILE,
    revision="r",
    encoders=["e"],
    systems={
        name: SystemScores(
            model=f"runs/{name}",
            sha256="0" * 64,
            prompt="plain",
            decoding="greedy",
            role="baseline",
            configs={"plain": config_scores(mean, rouge_l=0.3)},
        )
        for name, mean in (("good", 0.72), ("bad", 0.28))
    },
    heuristics={
        "nearest sentence to the reference": HeuristicScores(
            kind="upper bound", configs={"plain": config_scores(0.8, rouge_l=0.5)}
        ),
        "question repeated": HeuristicScores(
            kind="heuristic baseline", configs={"plain": config_scores(0.5, rouge_l=0.2)}
        ),
    },
    differences={
        "plain": [difference("good", "bad", 0.44, 0.001), difference("good", "question repeated", -0.02, 0.4)]
    },
)
# "good" is trained, "bad" and "chatty" are baselines, and "memory" is the trained model without the abstract.
BY_ROLE = SCORES.model_copy(
    update={
        "systems": {
            "bad": SCORES.systems["bad"],
            "chatty": SCORES.systems["bad"].model_copy(
                update={"prompt": "chat", "configs": {"plain": config_scores(0.6, rouge_l=0.3)}}
            ),
            "good": SCORES.systems["good"].model_copy(update={"role": "trained"}),
            "memory": SCORES.systems["good"].model_copy(
                update={
                    "role": "closed-book",
                    "prompt": "closed-book",
                    "configs": {"plain": config_scores(0.65, rouge_l=0.3)},
                }
            ),
        },
        "differences": {
            "plain": [
                difference("bad", "chatty", -0.32, 0.001),
                difference("bad", "good", -0.44, 0.001),
                difference("chatty", "good", -0.12, 0.002),
            ]
        },
    }
)
METRICS = {
    "good": RunMetrics(
        base_model="somebody/base",
        base_model_path="somebody/base",
        base_model_note=None,
        method="full",
        dataset="data/corpus",
        dataset_revision="r",
        license=None,
        seed=0,
        train_pairs=10,
        epochs=1.0,
        train_seconds=61.4,
        peak_memory_bytes=3 * 2**29,
        trainable_parameters=1234,
        tokens_per_second=100.0,
        loss_by_step=[StepLoss(step=1, epoch=0.5, loss=3.0), StepLoss(step=2, epoch=1.0, loss=2.0)],
        loss_by_epoch=[EpochLoss(epoch=1, train_loss=2.5, validation_loss=None, validation_similarity=0.5)],
        validation_before=ValidationScore(loss=None, similarity=None),
        validation=ChosenEpoch(epoch=1.0, loss=None, similarity=0.5),
    )
}
CORPUS_QUESTIONS = {
    "plain": [
        CorpusQuestion(
            instruction="",
            context=f"Abstract {number // 3} <b>",
            question=f"What is number {number}?" if number != 10 else f"What is number 10 {'w' * 3000}?",
            answer=f"It is the number {number}.",
            paper_id=str(number // 3),
            year=2022 + number % 2,
            title=HOSTILE if number == 7 else f"Title {number}",
            paper_url={0: "https://doi.org/10.1145/1", 1: "javascript:document.title='broken'"}.get(number // 3, ""),
        )
        for number in range(QUESTIONS)
    ]
}
ANSWERS = {
    "plain": {
        name: [Answer(f"The {name} answer {number} <b>", is_cut=name == "bad") for number in range(QUESTIONS)]
        for name in SCORES.systems
    }
}
# "good" wins by more the later the question.
VALUES: dict[str, dict[str, dict[str, list[float | None]]]] = {
    "plain": {
        "good": {"cosine_similarity": [0.5 + number / 100 for number in range(QUESTIONS)]},
        "bad": {"cosine_similarity": [0.5 - number / 100 for number in range(QUESTIONS)]},
    }
}
