"""Score answers by every metric: the encoders, words, numbers and length. Write the predictions."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from dataset_builder.corpus.questions import CorpusQuestion
from dataset_builder.errors import InputError
from dataset_builder.grounding.quantities import supporting_numbers
from dataset_builder.models.folders import EncoderFolder
from eval.metrics.embedding import Encoder
from eval.metrics.lexical import HEADLINE, lexical_metrics, title
from eval.metrics.predictions import MetricValues, predictions_path, write_predictions


class AnswerScorer:
    """Scores answers by `encoders`, of which the first gives the headline metric, and by words and numbers."""

    def __init__(self, encoders: Sequence[EncoderFolder]) -> None:
        self.headline_encoder, *others = [Encoder(encoder) for encoder in encoders]
        self._encoders = {HEADLINE: self.headline_encoder}
        self._encoders |= {f"{HEADLINE}_{number}": encoder for number, encoder in enumerate(others, 2)}

    def score_all(
        self,
        questions: Mapping[str, Sequence[CorpusQuestion]],
        answers: Mapping[str, Mapping[str, Sequence[str | None]]],
        folder: Path,
    ) -> dict[str, dict[str, MetricValues]]:
        """Return the metric values of answers that are by config and system or heuristic, in the same order.

        Write answers and values to `folder`/CONFIG.NAME.parquet, a row for each question.
        """
        values: dict[str, dict[str, MetricValues]] = {config: {} for config in answers}
        for config, by_name in answers.items():
            sources = [f"{question.context}\n\n{question.question}" for question in questions[config]]
            supported = [supporting_numbers(source) for source in sources]
            for name, given in by_name.items():
                values[config][name] = self._score(questions[config], supported, given)
                path = predictions_path(folder, config, name)
                write_predictions(path, questions[config], given, values[config][name])
        return values

    def _score(
        self, questions: Sequence[CorpusQuestion], supported: Sequence[set[float]], answers: Sequence[str | None]
    ) -> MetricValues:
        """Return the value of each metric for each answer; None for a missing answer."""
        references = [question.answer for question in questions]
        given = {number: answer for number, answer in enumerate(answers) if answer is not None}
        pairs = list(given.values()), [references[number] for number in given]
        values: MetricValues = {}
        for metric, encoder in self._encoders.items():
            similarities = [float(value) for value in encoder.similarities(*pairs)]
            if not all(map(math.isfinite, similarities)):
                raise InputError(f"{title(metric)}: the model gives values that are not numbers; give another encoder")
            by_number = dict(zip(given, similarities, strict=True))
            values[metric] = [by_number.get(number) for number in range(len(questions))]
        return {**values, **lexical_metrics(answers, references, supported)}
