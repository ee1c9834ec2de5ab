"""Check the words of `--models` that the page can use."""

from collections.abc import Sequence

from dataset_builder.errors import InputError
from eval.served_model import PREFIX
from eval.systems import parse_words


def models_of_page(words: Sequence[str]) -> list[str]:
    """Return the folder or the Hub id of each model; raises `InputError` for a word that the page cannot use.

    It asks one question at a time, of models that it has loaded.
    """
    models = []
    for name, model, settings in parse_words(words):
        if model.startswith(PREFIX):
            raise InputError(f"--models {name}={model}: the page cannot ask a server; give a folder or a Hub id")
        if settings.get("prompt", "plain") not in ("plain", "chat"):
            problem = f"the page cannot ask with prompt={settings['prompt']}"
            raise InputError(f"--models {name}: {problem}; use prompt=plain or prompt=chat")
        if settings.get("decoding") == "mbr":
            raise InputError(f"--models {name}: decoding=mbr is not available here; use greedy or guarded")
        models.append(model)
    return models
