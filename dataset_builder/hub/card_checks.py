"""Check a card's metadata by the Hub's own rules before a push."""

import difflib
from pathlib import Path
from typing import Any

from dataset_builder.errors import InputError
from dataset_builder.hub.ids import HUB_ID

LICENSES_PAGE = "https://huggingface.co/docs/hub/repositories-licenses"
LICENSES = frozenset((Path(__file__).parent / "licenses.txt").read_text(encoding="utf-8").split())


def check_license(license_id: object, location: str) -> None:
    """Raise `InputError` for an id that is not one of the Hub's licences; the message has the nearest one."""
    if not isinstance(license_id, str) or license_id not in LICENSES:
        near = difflib.get_close_matches(str(license_id).lower(), LICENSES, n=1)
        hint = f", such as {near[0]}" if near else ""
        raise InputError(
            f"{location}: {license_id!r} is not a licence id of the Hub; use one of {LICENSES_PAGE}{hint}"
        )


def check_card(card: str, location: str) -> None:
    """Raise `InputError` for a card whose metadata the Hub would refuse or misread."""
    from huggingface_hub import RepoCard

    check_metadata(RepoCard(card).data.to_dict(), location)  # type: ignore[no-untyped-call]  # not annotated


def check_metadata(metadata: dict[str, Any], location: str) -> None:
    """Raise `InputError` for metadata that the Hub would refuse or misread: licence, base model, scores."""
    license_id = metadata.get("license")
    check_license(license_id, location)
    if license_id == "other" and not (metadata.get("license_name") and metadata.get("license_link")):
        raise InputError(f"{location}: the licence 'other' also needs license_name and license_link; add them")
    base = metadata.get("base_model")
    if base is not None and not HUB_ID.fullmatch(base):
        raise InputError(f"{location}: the base model {base!r} is not a Hub id; use NAMESPACE/NAME")
    results = [result for model in metadata.get("model-index", []) for result in model["results"]]
    for metric in (metric for result in results for metric in result["metrics"]):
        value = metric["value"]
        if isinstance(value, bool) or not isinstance(value, int | float) or not -1 <= value <= 1:
            problem = f"the score {metric['type']} is {value!r}, but a similarity is between -1 and 1"
            raise InputError(f"{location}: {problem}; run the evaluation again")
