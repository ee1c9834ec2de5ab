"""Score answers by a verifier, and keep the scores in the files of the predictions."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dataset_builder.corpus.questions import CorpusQuestion
from dataset_builder.files import sha256_of_text
from dataset_builder.verification.load import VerifierFolder
from dataset_builder.verification.verifier import Verifier
from eval.metrics.lexical import SUPPORT, SUPPORTED

# In the metadata of a Parquet file, the SHA-256 over what decides its column of supports.
SUPPORT_KEY = "isca_qa_support_sha256"


class SupportScorer:
    """Scores answers by a verifier, which is loaded when the first answer is scored.

    A verifier takes far longer than the other metrics. So the supports of a system on a config are read from the file
    of its predictions if this has the same questions and answers. They are kept all or not at all: the last bits of a
    support depend on the batch it is computed in, and a killed and resumed run must end in the same files.
    """

    def __init__(self, verifier: VerifierFolder) -> None:
        self._folder = verifier
        self._threshold = verifier.report.threshold

    @cached_property
    def _verifier(self) -> Verifier:
        return self._folder.load()

    def fingerprint(self, questions: Sequence[CorpusQuestion], answers: Sequence[str | None]) -> str:
        """Return the SHA-256 over what decides the supports: the verifier, abstracts, questions and answers."""
        texts = [
            f"{question.context}\n{question.question}\n{answer}"
            for question, answer in zip(questions, answers, strict=True)
        ]
        report = self._folder.report
        own = f"{self._folder.folder.fingerprint} {report.max_tokens} {report.sentences}"
        return sha256_of_text("\n\n".join([own, *texts]))

    def metrics(
        self, questions: Sequence[CorpusQuestion], answers: Sequence[str | None], predictions: Path
    ) -> dict[str, list[float | None]]:
        """Return for each answer whether it is supported (1.0 or 0.0), and its support (0 to 1); None without answer.

        `predictions` is the file that an earlier run may have written.
        """
        supports = _read_supports(predictions, self.fingerprint(questions, answers))
        if supports is None:
            items = {
                number: (question.context, question.question, answer)
                for number, (question, answer) in enumerate(zip(questions, answers, strict=True))
                if answer is not None
            }
            scored = dict(zip(items, self._verifier.score_all(list(items.values()), hidden=True), strict=True))
            supports = [scored.get(number) for number in range(len(questions))]
        return {
            SUPPORTED: [None if support is None else float(support >= self._threshold) for support in supports],
            SUPPORT: supports,
        }


def _read_supports(path: Path, fingerprint: str) -> list[float | None] | None:
    """Return the supports in a file of predictions; None for another file, and for other predictions."""
    try:
        metadata = pq.read_schema(path).metadata or {}
        if metadata.get(SUPPORT_KEY.encode()) != fingerprint.encode():
            return None
        kept: list[float | None] = pq.read_table(path, columns=[SUPPORT])[SUPPORT].to_pylist()
    except (OSError, pa.ArrowInvalid):
        return None
    return kept
