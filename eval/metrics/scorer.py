"""Score answers by every metric: the encoders, a cross-encoder, words, numbers and length."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from dataset_builder.corpus.questions import CorpusQuestion
from eval.metrics.embedding import Encoder, PairScorer
from eval.metrics.lexical import HEADLINE, lexical_metrics
from eval.metrics.predictions import MetricValues
from eval.models import EncoderFolder


class AnswerScorer:
    """Scores answers by `encoders`, of which the first gives the headline metric, and by a cross-encoder if given.

    The values are not kept from run to run: the last bits of an embedding depend on the batch it is computed in, and a
    killed and resumed run must end in the same files.
    """

    def __init__(self, encoders: Sequence[EncoderFolder], cross_encoder: EncoderFolder | None) -> None:
        self._encoders = [Encoder(folder) for folder in encoders]
        self.headline_encoder = self._encoders[0]
        self._pair_scorer = PairScorer(cross_encoder) if cross_encoder else None

    def score_all(
        self,
        questions: Mapping[str, Sequence[CorpusQuestion]],
        answers: Mapping[str, Mapping[str, Sequence[str | None]]],
    ) -> dict[str, dict[str, MetricValues]]:
        """Return the metric values of answers that are by config and system or heuristic, in the same order."""
        return {
            config: {name: self.score(questions[config], given) for name, given in by_name.items()}
            for config, by_name in answers.items()
        }

    def score(self, questions: Sequence[CorpusQuestion], answers: Sequence[str | None]) -> MetricValues:
        """Return the value of each metric for each answer; None for a missing answer."""
        references = [question.answer for question in questions]
        given = {number: answer for number, answer in enumerate(answers) if answer is not None}
        pairs = list(given.values()), [references[number] for number in given]

        def spread(values: Iterable[float]) -> list[float | None]:
            by_number = dict(zip(given, map(float, values), strict=True))
            return [by_number.get(number) for number in range(len(questions))]

        values: MetricValues = {
            HEADLINE if number == 1 else f"{HEADLINE}_{number}": spread(encoder.similarities(*pairs))
            for number, encoder in enumerate(self._encoders, 1)
        }
        if self._pair_scorer:
            values["cross_encoder"] = spread(self._pair_scorer.scores(*pairs))
        return {**values, **lexical_metrics(answers, references)}
