"""Put together the content of a Space on the Hub."""

from pathlib import Path

from dataset_builder.hub.card_checks import check_metadata
from dataset_builder.hub.changes import Push


def space_content(repo_id: str, card: str, source: str, files: dict[str, Path | bytes], message: str) -> Push:
    """Return the content of a Gradio Space; raises `InputError`, which names `source`, for a card that is refused."""
    from huggingface_hub import ModelCard

    metadata = ModelCard(card).data.to_dict()  # type: ignore[no-untyped-call]  # not annotated
    check_metadata({"language": "en", **metadata}, source)
    return Push(repo_id, "space", card, files, message, space_sdk="gradio")
