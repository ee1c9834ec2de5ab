"""`python -m tests.model_cards.load_release CORPUS FOLDER DEMO`: load what was released to "somebody" with the tag v1.

Each repo is loaded as its users do, and then all that the demo loads by its settings DEMO. Prints what each repo
gives, beside what the folder gives that was released.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import evaluate
from datasets import load_dataset
from huggingface_hub import HfApi
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from dataset_builder.errors import InputError
from dataset_builder.models.folders import find_model
from eval.demo.serve import load_page
from eval.push_metric import FOLDER as METRIC
from tests.model_cards.small_release import BASE

RELEASE, FULL = "somebody/isca-qa", "somebody/tiny-isca-qa-full"


def load_rows(name: str, **options: str) -> dict[str, list[Any]]:
    """Return the rows of each split of the corpus."""
    return {split: list(rows) for split, rows in load_dataset(name, "plain", **options).items()}


def load_model(name: str, **options: str) -> list[int]:
    """Return the tokens with which a full model continues a prompt."""
    return _answer(AutoModelForCausalLM.from_pretrained(name, **options))


def load_adapter(base: str, name: str, **options: str) -> list[int]:
    """Return the tokens with which an adapter on its base continues a prompt."""
    return _answer(PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), name, **options))


def _answer(model: Any) -> list[int]:
    inputs = AutoTokenizer.from_pretrained(BASE)("Caches are small. Why?", return_tensors="pt")
    return model.generate(**inputs, max_new_tokens=16, do_sample=False, pad_token_id=0)[0].tolist()


def load_metric(name: str, encoder: str) -> dict[str, Any]:
    """Return the scores of an answer."""
    return evaluate.load(name).compute(predictions=["It is."], references=["It was."], encoder=encoder)


def load_first_commit(name: str) -> str:
    """Return the error for a model at its first commit, which has no files of the model."""
    first = HfApi().list_repo_commits(name)[-1].commit_id
    try:
        return str(find_model("first", f"{name}@{first}"))
    except InputError as error:
        return str(error).replace(first, "FIRST")


def main(corpus: str, folder: str, demo: dict[str, Any]) -> None:
    """Publish the base model, which is not in the release, and load everything."""
    HfApi().create_repo(BASE, exist_ok=True)
    HfApi().upload_folder(repo_id=BASE, folder_path=f"{folder}/base")
    tag, base, encoder = {"revision": "v1"}, f"{folder}/base", demo["encoder"]
    found = {
        "corpus": [load_rows(RELEASE, **tag), load_rows(corpus)],
        "full": [load_model(FULL, **tag), load_model(f"{folder}/tiny-full")],
        "metric": [load_metric("somebody/answer_similarity", encoder), load_metric(str(METRIC), encoder)],
        "demo": [type(load_page(**demo)).__name__, "Blocks"],
    }
    missing = "not a model folder (no config.json, no adapter_config.json); give a run, model or Hub id"
    found["first commit"] = [load_first_commit(FULL), f"first={FULL}@FIRST: {missing}"]
    for name in ("lora", "dpo"):
        released = load_adapter(BASE, f"somebody/tiny-isca-qa-{name}", **tag)
        found[name] = [released, load_adapter(base, f"{folder}/tiny-{name}")]
    sys.stdout.write(f"{json.dumps(found)}\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))
