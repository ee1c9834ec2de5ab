"""The licence of a model: one must be given, and a model that is made from Gemma needs Gemma's."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from dataset_builder.errors import InputError
from model_cards.cards.metadata import card_metadata
from model_cards.publish_checks import check_gemma
from model_cards.training_data import Corpus, TrainingData

RUN: Any = SimpleNamespace(source="runs/x", metrics=SimpleNamespace(base_model="somebody/gpt2"))
TRAINED = TrainingData(Corpus("lab/qa", "r", None))


@pytest.mark.parametrize("base", ["google/gemma-2-2b-it", "lab/MyGemma", "google/gemma-3-4b-it", "lab/gemma-4b"])
def test_model_on_a_gemma_base_needs_its_licence(base: str) -> None:
    """The message names the base model, and not the pairs."""
    with pytest.raises(InputError, match=f"runs/x: the model was made from {base}\\. .* pass --license gemma"):
        check_gemma(RUN, base, TRAINED, "apache-2.0")
    check_gemma(RUN, base, TRAINED, "gemma")
    recorded: Any = SimpleNamespace(source="runs/x", metrics=SimpleNamespace(base_model=base))
    with pytest.raises(InputError, match=f"was made from {base}"):
        check_gemma(recorded, "lab/renamed", TRAINED, "apache-2.0")


@pytest.mark.parametrize("base", ["somebody/gpt2", "google/gemma-4-E4B-it", "lab/gemma4"])
def test_model_on_another_base_does_not(base: str) -> None:
    """Gemma 4 has another licence than its predecessors."""
    check_gemma(RUN, base, TRAINED, "apache-2.0")


def test_model_without_a_licence_is_refused() -> None:
    """The message says how to give one."""
    scores: Any = SimpleNamespace(systems={"x": SimpleNamespace(configs={})})
    run: Any = SimpleNamespace(source="runs/x", system="x")
    names: Any = SimpleNamespace()
    with pytest.raises(InputError, match="runs/x: its recipe has no licence for the model; pass one, as --license"):
        card_metadata(run, scores, names, None)
