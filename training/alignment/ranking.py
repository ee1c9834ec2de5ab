"""Sample several answers to each question from a model, and rank them by three measures together.

- similarity: of the embeddings of the answer and the reference answer;
- numbers: 1 if the answer has exactly the numbers of the reference answer, else 0 (the metric `number_match`);
- length: minus the absolute logarithm of the ratio of the words of the answer to those of the reference answer, so
  that half as long is as bad as twice as long.

Each measure is normalized within the answers to one question: its mean is subtracted, and the difference is divided by
the standard deviation. A measure that is the same for all of them counts 0. The score of an answer is the sum. So the
measures have equal weights, whatever their units, and none of them decides by itself: a gain that only one measure
sees is often not real (https://arxiv.org/abs/2411.03524).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eval.metrics.lexical import number_match

if TYPE_CHECKING:
    from dataset_builder.corpus.questions import CorpusQuestion
    from dataset_builder.journal import Journal
    from dataset_builder.models.folders import ModelFolder
    from eval.metrics.embedding import Encoder
    from eval.prompting import Answer
    from eval.run_metrics import AnswerSampling

# A smaller difference is rounding.
SAME = 1e-6


@dataclass(frozen=True)
class AnswerRanking:
    """The similarity and the score of each answer to one question."""

    similarities: list[float]
    scores: list[float]


@dataclass(frozen=True)
class RankedSamples:
    """The samples for question `number`: the best and the worst, and their mean similarity to the reference answer.

    A sample that was cut at the largest number of tokens is neither: each answer of a training row ends with an end
    token, so the model would learn to stop within a sentence. `best` is None if all were cut, and `worst` is None if
    the ranking does not prefer one text to another.
    """

    number: int
    best: str | None
    worst: str | None
    mean_similarity: float


def rank_samples(
    adapter: ModelFolder,
    questions: Sequence[CorpusQuestion],
    numbers: Sequence[int],
    sampling: AnswerSampling,
    encoder: Encoder,
    journal: Journal[RankedSamples],
) -> None:
    """Sample answers of the adapter to the questions with these numbers, and add the ranked samples to the journal."""
    from tqdm import tqdm

    from dataset_builder.models.language_model import load_model
    from eval.generation.answers import sample_in_batches

    if not numbers:
        return
    asked = [questions[number] for number in numbers]
    model, tokenizer = load_model(adapter)
    with tqdm(total=len(asked), desc="sampling answers", unit="question") as bar:
        for batch in sample_in_batches(model, tokenizer, asked, sampling):
            ranked = []
            for index, sampled in batch.items():
                ranking = rank_answers(asked[index], [answer.text for answer in sampled], encoder)
                ranked.append(choose_samples(numbers[index], sampled, ranking))
            journal.append(ranked)
            bar.update(len(batch))


def choose_samples(number: int, sampled: Sequence[Answer], ranking: AnswerRanking) -> RankedSamples:
    """Return the best and the worst of the samples for question `number`."""
    mean = sum(ranking.similarities) / len(sampled)
    complete = [index for index, answer in enumerate(sampled) if not answer.is_cut]
    if not complete:
        return RankedSamples(number, None, None, mean)
    best, worst = (choose(complete, key=ranking.scores.__getitem__) for choose in (max, min))
    is_preferred = ranking.scores[best] - ranking.scores[worst] > SAME and sampled[best].text != sampled[worst].text
    return RankedSamples(number, sampled[best].text, sampled[worst].text if is_preferred else None, mean)


def rank_answers(question: CorpusQuestion, answers: Sequence[str], encoder: Encoder) -> AnswerRanking:
    """Return the ranking of `answers` to the question."""
    stripped = [answer.strip() for answer in answers]
    similarities: list[float] = encoder.similarities(stripped, [question.answer] * len(stripped)).tolist()
    # Without numbers in the reference answer, this measure is the same for all answers to the question.
    numbers = [number_match(answer, question.answer) or 0.0 for answer in stripped]
    lengths = [length_match(answer, question.answer) for answer in stripped]
    return AnswerRanking(similarities, sum_normalized([similarities, numbers, lengths]))


def sum_normalized(measures: Sequence[Sequence[float]]) -> list[float]:
    """Return the sum of the measures for each answer, each measure normalized to mean 0 and standard deviation 1.

    A measure has a value for each answer.
    """
    columns = np.array(measures)
    deviations = columns - columns.mean(axis=1, keepdims=True)
    spreads = deviations.std(axis=1, keepdims=True)
    normalized = np.divide(deviations, spreads, out=np.zeros_like(deviations), where=spreads > SAME)
    scores: list[float] = normalized.sum(axis=0).tolist()
    return scores


def length_match(answer: str, reference: str) -> float:
    """Return minus the absolute logarithm of the ratio of the words: 0 for as many words, else less."""
    return -abs(math.log(max(1, len(answer.split())) / max(1, len(reference.split()))))
