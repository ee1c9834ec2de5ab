"""Load the encoder that becomes a verifier, and what prepares its inputs."""

from typing import TYPE_CHECKING, Any

from dataset_builder.errors import InputError
from dataset_builder.models.folders import EncoderFolder
from dataset_builder.verification.reader import AnswerReader
from dataset_builder.verification.verifier import LABELS
from training.run.recipe import VerifierKeys

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Without dropout, attention on a CPU is computed by a kernel that is more than twice as fast. Each draw of the
# examples has other answers, so that there is little to overfit.
WITHOUT_DROPOUT = ("attention_probs_dropout_prob", "hidden_dropout_prob", "attention_dropout", "dropout")


def load_reader(base: EncoderFolder, keys: VerifierKeys) -> AnswerReader:
    """Return the reader that prepares answers for the encoder `base`.

    Raises `InputError` for what is not a transformer encoder, and for more tokens than it has positions.
    """
    from transformers import AutoConfig, AutoTokenizer

    try:
        positions = AutoConfig.from_pretrained(base.path).max_position_embeddings
    except (OSError, ValueError, AttributeError) as error:
        problem = f"is not a transformer that reads a limited number of tokens ({error})"
        raise InputError(f"model_name_or_path {base.given}: {problem}; give one such as all-MiniLM-L6-v2") from error
    if keys.max_tokens > positions:
        raise InputError(f"max_tokens {keys.max_tokens}: {base.given} reads at most {positions} tokens")
    tokenizer = AutoTokenizer.from_pretrained(base.path)
    return AnswerReader(tokenizer, keys.max_tokens, keys.sentences)


def load_base(base: EncoderFolder, seed: int) -> "PreTrainedModel":
    """Return the encoder `base` in float32 with a new last layer, which `seed` decides.

    Its word embeddings stay as they are. They are half of the weights, and most words are in few examples.
    """
    from transformers import AutoConfig, AutoModelForTokenClassification, set_seed

    config = AutoConfig.from_pretrained(base.path)
    config.update({name: 0.0 for name in WITHOUT_DROPOUT if hasattr(config, name)})
    config.id2label = dict(enumerate(LABELS))
    config.label2id = {label: number for number, label in enumerate(LABELS)}
    set_seed(seed)
    model: Any = AutoModelForTokenClassification.from_pretrained(
        base.path, config=config, dtype="float32", use_safetensors=True
    )
    model.get_input_embeddings().requires_grad_(False)
    loaded: PreTrainedModel = model
    return loaded
