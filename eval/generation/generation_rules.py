"""Read from a model's generation_config how its answers are decoded, as transformers' `generate` does."""

import sys
from dataclasses import dataclass

from transformers import AutoConfig, AutoTokenizer, GenerationConfig, PreTrainedConfig, PreTrainedTokenizerBase

from dataset_builder.models.folders import ModelFolder, tokenizer_folder
from dataset_builder.prompt import MAX_ANSWER_TOKENS
from eval.prompting import Prompt, PromptEncoder

# Settings that do not change a greedy answer, or that batches follow too. A model with another active setting answers
# one question at a time by `generate`.
KNOWN_SETTINGS = {
    *("bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id", "repetition_penalty"),
    *("do_sample", "temperature", "top_k", "top_p", "min_p", "top_h", "typical_p", "epsilon_cutoff", "eta_cutoff"),
    *("max_length", "max_new_tokens", "use_cache", "cache_implementation", "cache_config", "max_cache_len"),
    *("length_penalty", "early_stopping", "low_memory", "compile_config", "disable_compile", "renormalize_logits"),
    *("prefill_chunk_size", "continuous_batching_config", "return_dict_in_generate"),
    *("output_attentions", "output_hidden_states", "output_scores", "output_logits"),
    *("_from_model_config", "transformers_version"),
}
# Numbers with which a setting does nothing.
NEUTRAL: dict[str, float] = {
    **dict.fromkeys(("num_beams", "num_beam_groups", "num_return_sequences", "encoder_repetition_penalty"), 1),
    **dict.fromkeys(("min_length", "min_new_tokens", "no_repeat_ngram_size", "encoder_no_repeat_ngram_size"), 0),
    **dict.fromkeys(("diversity_penalty", "penalty_alpha"), 0),
}


@dataclass(frozen=True)
class GenerationRules:
    """The tokens that end an answer, the repetition penalty (1: off), and the names of `other` active settings."""

    end_tokens: tuple[int, ...]
    repetition_penalty: float = 1.0
    other: tuple[str, ...] = ()


def read_rules(config: GenerationConfig | None, tokenizer: PreTrainedTokenizerBase) -> GenerationRules:
    """Return the rules of greedy decoding by a model's `config`; the tokenizer's end token ends answers too."""
    defaults = GenerationConfig()  # type: ignore[no-untyped-call]  # not annotated
    config = config or defaults
    ends = config.eos_token_id if isinstance(config.eos_token_id, list) else [config.eos_token_id]
    # `generate` ignores keys that the library does not know.
    settings = {name: value for name, value in config.to_diff_dict().items() if name in vars(defaults)}
    return GenerationRules(
        end_tokens=tuple(sorted({end for end in (*ends, tokenizer.eos_token_id) if end is not None})),
        repetition_penalty=float(config.repetition_penalty or 1),
        other=tuple(
            name
            for name, value in settings.items()
            if name not in KNOWN_SETTINGS and value not in (None, [], {}, "") and value is not False
            if name not in NEUTRAL or value != NEUTRAL[name]
        ),
    )


def prompt_room(config: PreTrainedConfig) -> int:
    """Return how many tokens of a prompt a model reads, so that the longest answer fits behind them."""
    # Architectures without a limit on positions do not have this setting.
    positions: int | None = getattr(config, "max_position_embeddings", None)
    return positions - MAX_ANSWER_TOKENS if positions else sys.maxsize


def encoder_of_folder(folder: ModelFolder, prompt: Prompt) -> PromptEncoder:
    """Return the encoder of prompts for the model in `folder`; raises `InputError` as `PromptEncoder` does."""
    room = prompt_room(AutoConfig.from_pretrained((folder.base or folder).path))
    return PromptEncoder(AutoTokenizer.from_pretrained(tokenizer_folder(folder)), prompt, room)
