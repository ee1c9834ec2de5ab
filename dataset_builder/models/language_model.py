"""Load a causal language model and its tokenizer from the folder of a run or of a model."""

from typing import TYPE_CHECKING, Any

from dataset_builder.errors import InputError
from dataset_builder.models.folders import ModelFolder, tokenizer_folder

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def load_model(folder: ModelFolder) -> "tuple[PreTrainedModel, PreTrainedTokenizerBase]":
    """Return the causal language model in `folder` in float32, an adapter merged into its base, and the tokenizer.

    The model is on this process's GPU if there is one, else on the CPU. The tokenizer has a padding token. Raises
    `InputError` for a folder that cannot be loaded, and for incomplete weights, which transformers would fill with
    random numbers.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    weights = folder.base or folder
    try:
        # With output_loading_info the result is a pair, which the library's types do not say.
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            weights.path, dtype=torch.float32, use_safetensors=True, output_loading_info=True
        )
        model, loading_info = loaded
        if folder.base:
            from peft import PeftModel

            model = PeftModel.from_pretrained(model, folder.path).merge_and_unload()
        tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder(folder))
    except InputError:
        raise
    except Exception as error:  # the errors of the libraries have no common class
        problem = f"cannot be loaded as a causal language model ({type(error).__name__}: {error})"
        raise InputError(f"{folder.name}={folder.given}: {problem}; train or download it again") from error
    if missing := sorted(loading_info["missing_keys"]):
        problem = f"has no weights for {missing[0]} and {len(missing) - 1} more"
        raise InputError(f"{folder.name}={folder.given}: {problem}; give a complete causal language model")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    model.to("cuda" if torch.cuda.is_available() else "cpu").eval()
    return model, tokenizer
