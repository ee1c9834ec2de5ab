"""Choose the names in a card: Hub ids on the Hub, folders on this machine."""

from dataclasses import dataclass
from pathlib import Path

from dataset_builder.errors import InputError
from dataset_builder.hub.errors import translate_hub_errors
from dataset_builder.hub.ids import HUB_ID, is_hub_id, split_revision
from dataset_builder.models.packaged import hub_id
from model_cards.training_data import Corpus, StartModel, TrainingData


@dataclass(frozen=True)
class Names:
    """The names that a card uses.

    `model` is the model as its code example loads it, `base` its base model, `scored` the corpus of the scores,
    `trained` the training data, `encoder` the encoder in the recipe. `scores_url` is the address of scores.json on the
    Hub.
    """

    model: str
    base: str
    base_on_hub: bool
    scored: Corpus
    trained: TrainingData
    encoder: str | None
    scores_url: str | None = None


def name_on_hub(given: str) -> str | None:
    """Return the Hub id of a model or encoder, given as folder or Hub id; None if its source.json has none.

    The Hub id is returned without a revision.
    """
    folder = Path(given)
    if folder.is_dir():
        return hub_id(folder)
    repo_id, _ = split_revision(given)
    return repo_id if is_hub_id(repo_id) else None


def start_on_hub(given: str, start_model: str | None, source: str) -> StartModel:
    """Return the model on the Hub that a run started from.

    `start_model` names the model if `given` is a folder. Raises `InputError`, which names the run as `source`, for a
    model without a name or that the Hub does not have.
    """
    from huggingface_hub import HfApi

    name = start_model or name_on_hub(given)
    if name is None or not HUB_ID.fullmatch(name):
        raise InputError(
            f"{source}: training started from {given}, a local folder; publish that model first, and name it by "
            "--start-model ORG/NAME"
        )
    with translate_hub_errors(name, "model"):
        card = HfApi().model_info(name).card_data
    return StartModel(name, card is not None and "gemma" in (card.get("license"), card.get("license_name")))
