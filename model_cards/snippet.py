"""Write the code example of a model card."""

from __future__ import annotations

from dataset_builder.prompt import INSTRUCTION, MAX_ANSWER_TOKENS, build_prompt
from model_cards.names import Names

LOAD_ADAPTER = """\
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

{note}base = AutoModelForCausalLM.from_pretrained("{base}")
model = PeftModel.from_pretrained(base, "{model}")
"""
LOAD_MODEL = """\
from transformers import AutoModelForCausalLM, AutoTokenizer

model = AutoModelForCausalLM.from_pretrained("{model}")
"""
ANSWER = """\
tokenizer = AutoTokenizer.from_pretrained("{model}")
abstract = "A cache that is indexed by a hash of the address loses fewer lines to conflicts."
question = "How does the cache lose fewer lines to conflicts?"
prompt = f"{prompt}"
inputs = tokenizer(prompt, return_tensors="pt")
tokens = model.generate(**inputs, max_new_tokens={max_new_tokens}, do_sample=False)
print(tokenizer.decode(tokens[0, inputs["input_ids"].shape[1]:], skip_special_tokens=True))"""
BASE_NOTE = (
    "# The adapter was trained and scored on the base model described above, which differs slightly from this.\n"
)


def snippet(names: Names, is_adapter: bool, base_note: str | None) -> str:
    """Return Python that loads the model and answers one question, as it is.

    `base_note` says how the weights of the base differ from the Hub's, if they do.
    """
    load = LOAD_ADAPTER if is_adapter else LOAD_MODEL
    return (load + ANSWER).format(
        model=names.model,
        base=names.base,
        note=BASE_NOTE if base_note else "",
        prompt=build_prompt(INSTRUCTION, "{abstract}", "{question}").replace("\n", "\\n"),
        max_new_tokens=MAX_ANSWER_TOKENS,
    )
