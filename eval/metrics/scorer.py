"""Score answers by every metric: the encoders, a cross-encoder, words, numbers and length. Write the predictions."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dataset_builder.corpus.questions import CorpusQuestion
from dataset_builder.errors import InputError
from dataset_builder.files import replacing
from dataset_builder.model_folders import EncoderFolder
from dataset_builder.quantities import supporting_numbers
from dataset_builder.verification.load import VerifierFolder
from eval.metrics.embedding import Encoder, PairScorer
from eval.metrics.lexical import HEADLINE, lexical_metrics, title
from eval.metrics.support import SUPPORT_KEY, SupportScorer

# By metric, its value for each question; None where the metric does not apply.
MetricValues = dict[str, list[float | None]]


# In the metadata of each Parquet file, its name. A file without it, or with another name, is the user's own.
FILE_NAME_KEY = "isca_qa_file"


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
                file_name = name.replace("'", "").replace(" ", "-")
                path = folder / f"{config}.{file_name}.parquet"
                metadata = {FILE_NAME_KEY: path.name}
                values[config][name] = self._score(questions[config], supported, given)
                if self._support:
                    show(f"verifying the answers: {name}, test by {config}")
                    values[config][name] |= self._support.metrics(questions[config], given, path)
                    metadata[SUPPORT_KEY] = self._support.fingerprint(questions[config], given)
                _write(path, metadata, questions[config], given, values[config][name])
                written.add(path)
        for path in set(folder.glob("*.parquet")) - written:
            if _is_ours(path):
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


def _write(
    path: Path,
    metadata: Mapping[str, str],
    questions: Sequence[CorpusQuestion],
    answers: Sequence[str | None],
    values: MetricValues,
) -> None:
    columns = {
        "paper_id": pa.array([question.paper_id for question in questions], pa.string()),
        "year": pa.array([question.year for question in questions], pa.int32()),
        "question": pa.array([question.question for question in questions], pa.string()),
        "reference": pa.array([question.answer for question in questions], pa.string()),
        "prediction": pa.array(answers, pa.string()),
        **{metric: pa.array(column, pa.float64()) for metric, column in values.items()},
    }
    with replacing(path) as temporary:
        table = pa.table(columns).replace_schema_metadata(metadata)
        pq.write_table(table, temporary)


def _is_ours(path: Path) -> bool:
    """Return whether `_write` wrote the file under this name."""
    try:
        metadata = pq.read_schema(path).metadata or {}
    except (OSError, pa.ArrowInvalid):
        return False
    return bool(metadata.get(FILE_NAME_KEY.encode()) == path.name.encode())
