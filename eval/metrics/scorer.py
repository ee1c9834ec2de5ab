"""Score answers by every metric: the encoders, a cross-encoder, words, numbers and length; write the predictions."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dataset_builder.corpus.questions import CorpusQuestion
from dataset_builder.files import replacing
from eval.metrics.embedding import Encoder, PairScorer
from eval.metrics.lexical import HEADLINE, lexical_metrics
from eval.models import EncoderFolder

# By metric, its value for each question; None where the metric does not apply.
MetricValues = dict[str, list[float | None]]


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


def write_predictions(
    folder: Path,
    questions: Mapping[str, Sequence[CorpusQuestion]],
    answers: Mapping[str, Mapping[str, Sequence[str | None]]],
    values: Mapping[str, Mapping[str, MetricValues]],
) -> None:
    """Write `folder`/CONFIG.NAME.parquet with the answers of each system or heuristic and their metric values.

    Files of other configs and systems, from an earlier run, are removed: scores.json does not contain them.
    """
    written = set()
    for config, by_name in answers.items():
        for name, given in by_name.items():
            columns = {
                "paper_id": pa.array([question.paper_id for question in questions[config]], pa.string()),
                "year": pa.array([question.year for question in questions[config]], pa.int32()),
                "question": pa.array([question.question for question in questions[config]], pa.string()),
                "reference": pa.array([question.answer for question in questions[config]], pa.string()),
                "prediction": pa.array(given, pa.string()),
                **{metric: pa.array(column, pa.float64()) for metric, column in values[config][name].items()},
            }
            file_name = name.replace("'", "").replace(" ", "-")
            path = folder / f"{config}.{file_name}.parquet"
            with replacing(path) as temporary:
                pq.write_table(pa.table(columns), temporary)
            written.add(path)
    for stale in set(folder.glob("*.parquet")) - written:
        stale.unlink()
