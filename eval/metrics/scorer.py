"""Every answer measured: by the encoders, a cross-encoder when there is one, words, numbers and length."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from eval.analysis.aggregate import Measured
from eval.metrics.embedding import Encoder, PairScorer
from eval.metrics.lexical import HEADLINE, lexical_metrics
from eval.metrics.predictions import write_predictions
from eval.models import EncoderFolder


class Measuring:
    """Measures answers by `encoders`, the first of which gives the headline, and by a cross-encoder when given.

    Measures are not kept from run to run: an embedding depends in its last bits on what it is computed together with,
    and a run that was broken off is to end in the same files.
    """

    def __init__(self, encoders: list[EncoderFolder], cross_encoder: EncoderFolder | None) -> None:
        self._encoders = [Encoder(folder) for folder in encoders]
        self.first = self._encoders[0]
        self._pair_scorer = PairScorer(cross_encoder) if cross_encoder else None

    def measure(self, path: Path, rows: list[dict[str, Any]], answers: list[str | None]) -> Measured:
        """Return the measures of `answers` to `rows`, and write both to `path`."""
        measured = self._measure(rows, answers)
        write_predictions(path, rows, answers, measured)
        return measured

    def _measure(self, rows: list[dict[str, Any]], answers: list[str | None]) -> Measured:
        places = [place for place, answer in enumerate(answers) if answer is not None]
        given, wanted = [answers[place] for place in places], [rows[place]["answer"] for place in places]

        def spread(values: Any) -> list[float | None]:
            whole: list[float | None] = [None] * len(rows)
            for place, value in zip(places, values, strict=True):
                whole[place] = float(value)
            return whole

        measured: Measured = {
            HEADLINE if number == 1 else f"{HEADLINE}_{number}": spread(encoder.similarities(given, wanted))
            for number, encoder in enumerate(self._encoders, 1)
        }
        if self._pair_scorer:
            measured["cross_encoder"] = spread(self._pair_scorer.scores(given, wanted))
        return {**measured, **lexical_metrics(answers, [row["answer"] for row in rows])}
