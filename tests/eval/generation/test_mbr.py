"""Test MBR decoding: the sample closest to all, in an evaluation beside greedy answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dataset_builder.models.folders import find_encoder
from eval.analysis.scores import DecodingRecord, Scores
from eval.generation.answer_store import StoredAnswers
from eval.generation.collect import mbr_choice
from eval.prompting import Answer
from eval.run import run
from eval.run_metrics import AnswerSampling
from eval.systems import MBRDecoding, parse_systems


def test_nearest_to_all_by_hand() -> None:
    """At 0, 30 and 90 degrees the mean points to 38, so the second is closest; of equal answers, the first."""

    class Compass:
        def embed(self, texts: list[str]) -> np.ndarray:
            angles = np.radians([float(text) for text in texts])
            return np.stack([np.cos(angles), np.sin(angles)], axis=1)

    for texts, chosen in ((["90", "0", "30"], 2), (["90", "0", "0"], 1), (["7"], 0)):
        answers = [Answer(text, is_cut=number == 2) for number, text in enumerate(texts)]
        assert mbr_choice(answers, Compass()) is answers[chosen]


def test_model_is_scored_with_both_decodings(
    tmp_path: Path, corpus: Path, tiny_base: Path, encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under two names; the scores record how; a second run samples nothing; another seed samples again."""
    encoder_folder = find_encoder("--encoders", str(encoder))

    def evaluate(seed: int) -> Scores:
        sampling = AnswerSampling(samples=3, temperature=0.9, seed=seed)
        words = [f"tiny={tiny_base}", f"tiny-of-3={tiny_base},decoding=mbr"]
        systems = parse_systems(words, MBRDecoding(sampling, encoder_folder))
        scores, _ = run(str(corpus), ["plain"], systems, [encoder_folder], tmp_path, questions=6)
        return scores

    scores = evaluate(seed=0)
    assert list(scores.systems) == ["tiny", "tiny-of-3"]
    greedy, mbr = scores.systems.values()
    assert greedy.sha256 == mbr.sha256
    assert greedy.decoding == DecodingRecord(method="greedy", end_tokens=[0])
    assert mbr.decoding == DecodingRecord(
        method="mbr",
        end_tokens=[0],
        samples=3,
        temperature=0.9,
        seed=0,
        encoder_sha256=encoder_folder.fingerprint,
    )
    stored = [
        StoredAnswers.model_validate_json((tmp_path / f"answers/{name}.json").read_text()) for name in scores.systems
    ]
    assert stored[0].answers.keys() == stored[1].answers.keys()
    assert stored[0].answers != stored[1].answers
    for report in ("report.md", "report.html"):
        assert "tiny-of-3" in (tmp_path / report).read_text()

    def refuse(*_: object) -> None:
        raise AssertionError("the model was loaded")

    monkeypatch.setattr("eval.generation.collect.load_model", refuse)
    assert evaluate(seed=0) == scores
    with pytest.raises(AssertionError, match="was loaded"):
        evaluate(seed=1)
