"""What a card calls things: the model, its base, the corpora and the encoder; ids on the Hub, or folders here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dataset_builder.errors import InputError
from dataset_builder.hub.card_checks import HUB_ID
from dataset_builder.hub.errors import translate_hub_errors
from dataset_builder.packaged_models import hub_id
from model_cards.training_data import Corpus, TrainingData


@dataclass(frozen=True)
class Names:
    """The model as its snippet loads it, its base, the corpus of its scores, what it was trained on.

    `encoder` is the recipe's, and `source` the address of the scores, where they have one.
    """

    model: str
    base: str
    base_on_hub: bool
    scored: Corpus
    trained: TrainingData
    encoder: str | None
    source: str | None = None


def named_on_hub(given: str) -> str | None:
    """Return the Hub id of a model or encoder, folder or id; None for a folder whose source.json names none."""
    folder = Path(given)
    if folder.is_dir():
        return hub_id(folder)
    # Where the first part names a folder that exists here, one that was removed is meant and no Hub id.
    return given if HUB_ID.fullmatch(given) and not folder.parent.is_dir() else None


def start_on_hub(given: str, start_model: str | None, place: str) -> tuple[str, bool]:
    """Return the Hub id of the model that a run started from, and whether its card puts it under Gemma's terms.

    `start_model` names it where `given` is a folder. Raises `InputError` where it has no name or is not on the Hub.
    """
    from huggingface_hub import HfApi

    name = start_model or named_on_hub(given)
    if name is None or not HUB_ID.fullmatch(name):
        raise InputError(
            f"{place}: started from {given}, which is a folder here; publish that model first, and name it by "
            "--start-model ORG/NAME"
        )
    with translate_hub_errors(name, "model"):
        card = HfApi().model_info(name).card_data
    return name, card is not None and "gemma" in (card.get("license"), card.get("license_name"))
