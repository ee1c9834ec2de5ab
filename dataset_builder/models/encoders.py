"""Load a sentence encoder, and refuse one that lacks some of its weights."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataset_builder.errors import InputError
from dataset_builder.files import read_json
from dataset_builder.models.folders import MODULES_FILE, EncoderFolder

if TYPE_CHECKING:
    import numpy as np

# Returns the unit embeddings of texts, (texts, dimensions).
Embed = Callable[[list[str]], "np.ndarray"]


def load_embed(folder: EncoderFolder, option: str = "--encoder") -> Embed:
    """Return a function that embeds texts with the sentence encoder in `folder`.

    Raises `InputError`, which names `option`, if it cannot be loaded.
    """
    from sentence_transformers import SentenceTransformer

    source = f"{option} {folder.given}"
    try:
        encoder = SentenceTransformer(str(folder.path))
    except Exception as error:  # the errors of the libraries have no common class
        problem = f"cannot be loaded as a sentence encoder ({error}); give a sentence-transformers model"
        raise InputError(f"{source}: {problem}") from error
    refuse_missing_weights(source, folder.path, encoder[0])
    return partial(encoder.encode, normalize_embeddings=True, show_progress_bar=False)


def refuse_missing_weights(source: str, folder: Path, module: Any) -> None:
    """Raise `InputError` if a transformer lacks some of its weights, which are random numbers then.

    `module` is the first module of the encoder in `folder`. Other kinds of modules cannot be loaded without weights.
    """
    from sentence_transformers.base.modules.transformer import Transformer

    if not isinstance(module, Transformer):
        return
    modules = folder / MODULES_FILE
    subfolder = read_json(modules)[0]["path"] if modules.is_file() else ""
    # With output_loading_info the result is a pair, which the library's types do not say.
    loaded: Any = type(module.auto_model).from_pretrained(
        folder / subfolder, use_safetensors=True, output_loading_info=True
    )
    # The pooler's output is not used: sentence-transformers pools the tokens itself.
    if missing := sorted(key for key in loaded[1]["missing_keys"] if not key.startswith("pooler.")):
        problem = f"has no weights for {missing[0]}" + (f" and {len(missing) - 1} more" if missing[1:] else "")
        raise InputError(f"{source}: {problem}; give a complete model that was trained to compare texts")
