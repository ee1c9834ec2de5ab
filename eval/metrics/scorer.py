"""Score answers by every metric: the encoders, a cross-encoder, words, numbers and length. Write the predictions."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from dataset_builder.corpus.questions import CorpusQuestion
from dataset_builder.errors import InputError
from dataset_builder.grounding.quantities import supporting_numbers
from dataset_builder.models.folders import EncoderFolder
from dataset_builder.verification.load import VerifierFolder
from eval.metrics.embedding import Encoder, PairScorer
from eval.metrics.lexical import HEADLINE, lexical_metrics, title
from eval.metrics.predictions import MetricValues, is_predictions, predictions_path, write_predictions
from eval.metrics.support import SUPPORT_KEY, SupportScorer


class AnswerScorer:
    """Scores answers by `encoders`, of which the first gives the headline metric, and by a cross-encoder if given.

    A verifier, if given, also scores them. Only its scores are kept from run to run: the last bits of an embedding
    depend on the batch it is computed in, and a killed and resumed run must end in the same files.
    """

    def __init__(
        self,
        encoders: Sequence[EncoderFolder],
        cross_encoder: EncoderFolder | None,
        verifier: VerifierFolder | None = None,
    ) -> None:
        # Systems and heuristics share most of their texts.
        self.headline_encoder, *others = [Encoder(encoder, keep_all=True) for encoder in encoders]
        self._scorers: dict[str, Encoder | PairScorer] = {HEADLINE: self.headline_encoder}
        self._scorers |= {f"{HEADLINE}_{number}": encoder for number, encoder in enumerate(others, 2)}
        if cross_encoder:
            self._scorers["cross_encoder"] = PairScorer(cross_encoder)
        self._support = SupportScorer(verifier) if verifier else None

    def score_all(
        self,
        questions: Mapping[str, Sequence[CorpusQuestion]],
        answers: Mapping[str, Mapping[str, Sequence[str | None]]],
        folder: Path,
        show: Callable[[str], None],
    ) -> dict[str, dict[str, MetricValues]]:
        """Return the metric values of answers that are by config and system or heuristic, in the same order.

        Write answers and values to `folder`/CONFIG.NAME.parquet, a row for each question. Files of other configs and
        systems, which an earlier run wrote, are removed: scores.json does not contain them. `show` is called with the
        work that begins, if it takes long.
        """
        values: dict[str, dict[str, MetricValues]] = {config: {} for config in answers}
        written = set()
        for config, by_name in answers.items():
            sources = [f"{question.context}\n\n{question.question}" for question in questions[config]]
            supported = [supporting_numbers(source) for source in sources]
            for name, given in by_name.items():
                path = predictions_path(folder, config, name)
                metadata: dict[str, str] = {}
                values[config][name] = self._score(questions[config], supported, given)
                if self._support:
                    show(f"verifying the answers: {name}, test by {config}")
                    values[config][name] |= self._support.metrics(questions[config], given, path)
                    metadata[SUPPORT_KEY] = self._support.fingerprint(questions[config], given)
                write_predictions(path, metadata, questions[config], given, values[config][name])
                written.add(path)
        for path in set(folder.glob("*.parquet")) - written:
            if is_predictions(path):
                path.unlink()
        return values

    def _score(
        self, questions: Sequence[CorpusQuestion], supported: Sequence[set[float]], answers: Sequence[str | None]
    ) -> MetricValues:
        """Return the value of each metric for each answer; None for a missing answer."""
        references = [question.answer for question in questions]
        given = {number: answer for number, answer in enumerate(answers) if answer is not None}
        pairs = list(given.values()), [references[number] for number in given]
        values: MetricValues = {}
        for metric, scorer in self._scorers.items():
            similarities = [float(value) for value in scorer.similarities(*pairs)]
            if not all(map(math.isfinite, similarities)):
                raise InputError(f"{title(metric)}: the model gives values that are not numbers; give another encoder")
            by_number = dict(zip(given, similarities, strict=True))
            values[metric] = [by_number.get(number) for number in range(len(questions))]
        return {**values, **lexical_metrics(answers, references, supported)}
