"""Check a card's metadata by the Hub's own rules before a push."""

import re
from typing import Any

from dataset_builder.errors import InputError

LICENSES_PAGE = "https://huggingface.co/docs/hub/repositories-licenses"
LICENSES = frozenset(
    "afl-3.0 agpl-3.0 apache-2.0 apple-amlr apple-ascl artistic-2.0 bigcode-openrail-m bigscience-bloom-rail-1.0 "  # noqa: SIM905
    "bigscience-openrail-m bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear bsl-1.0 c-uda cc cc-by-2.0 cc-by-2.5 "
    "cc-by-3.0 cc-by-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 "
    "cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cc-by-nd-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc0-1.0 cdla-permissive-1.0 "
    "cdla-permissive-2.0 cdla-sharing-1.0 creativeml-openrail-m deepfloyd-if-license ecl-2.0 epl-1.0 epl-2.0 "
    "etalab-2.0 eupl-1.1 eupl-1.2 gemma gfdl gpl gpl-2.0 gpl-3.0 h-research intel-research isc lgpl lgpl-2.1 lgpl-3.0 "
    "lgpl-lr llama2 llama3 llama3.1 llama3.2 llama3.3 llama4 lppl-1.3c mit mpl-2.0 ms-pl ncsa odbl odc-by ofl-1.1 "
    "open-mdw openrail openrail++ osl-3.0 other pddl postgresql unknown unlicense wtfpl zlib".split()
)
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def check_metadata(metadata: dict[str, Any], location: str) -> None:
    """Raise `InputError` for metadata that the Hub would refuse or misread: licence, base model, scores."""
    license_id = metadata.get("license")
    if license_id not in LICENSES:
        raise InputError(f"{location}: {license_id!r} is not a licence id of the Hub; use one of {LICENSES_PAGE}")
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
