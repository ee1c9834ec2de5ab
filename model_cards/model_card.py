"""The card of one trained model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dataset_builder.files import read_json
from dataset_builder.prompt import INSTRUCTION, MAX_ANSWER_TOKENS, build_prompt
from eval.comparison import as_markdown
from eval.model_folder import RECIPE_FILE, ModelFolder

METHODS = {
    "full": "full fine-tuning, every parameter",
    "lora": "LoRA: an adapter, the base unchanged",
    "grpo": "GRPO, rewarded by similarity to the references: a LoRA adapter trained on, the base unchanged",
}
TEMPLATE = Path(__file__).parent / "templates" / "model.md.j2"


def model_card(folder: ModelFolder, metrics: dict[str, Any], report: dict[str, Any], shared: dict[str, Any]) -> str:
    """Return the card of the model in `folder`.

    `metrics` is the run's metrics.json and `report` the corpus's report.json; `shared` holds what all cards of one
    rendering say: the scores, the comparison table and the encoders as text, and the corpus's id.
    """
    from huggingface_hub import EvalResult, ModelCard, ModelCardData

    scores, dataset_id = shared["scores"], shared["dataset_id"]
    lora = folder.base is not None
    base = metrics["base_model"] or metrics["base_model_path"]
    results = [
        EvalResult(
            task_type="text-generation",
            task_name="Question answering over an abstract",
            dataset_type=dataset_id,
            dataset_name=f"ISCA-QA, test written by {config}",
            dataset_config=config,
            dataset_split="test",
            dataset_revision=scores["revision"],
            metric_type="cosine_similarity",
            metric_name=f"Cosine similarity ({encoder})",
            metric_value=entry["cosine_similarity"]["mean"],
        )
        for config, entry in scores["models"][folder.name].items()
        for encoder in scores["encoders"][:1]
    ]
    data = ModelCardData(
        model_name=folder.path.name,
        language="en",
        license=metrics["license"] or "other",
        library_name="peft" if lora else "transformers",
        pipeline_tag="text-generation",
        tags=["computer-architecture", "question-answering", *(["lora"] if lora else [])],
        datasets=[dataset_id],
        metrics=["cosine_similarity"],
        # The Hub's id alone: a path of this machine means nothing there.
        base_model=metrics["base_model"],
        base_model_relation=("adapter" if lora else "finetune") if metrics["base_model"] else None,
        eval_results=results,
    )
    years = sorted({year for entry in scores["models"][folder.name].values() for year in _years(entry)})
    kind = "A LoRA adapter for" if lora else "A full fine-tuning of"
    card = ModelCard.from_template(
        data,
        template_path=str(TEMPLATE),
        title=folder.path.name,
        name=folder.name,
        summary=f"{kind} `{base}`, trained on the ISCA-QA corpus.",
        metrics=metrics,
        environment=read_json(folder.path / "environment.json"),
        recipe=(folder.path / RECIPE_FILE).read_text(encoding="utf-8").strip(),
        method=METHODS[metrics["method"]],
        losses=_losses_table(metrics),
        snippet=_snippet(folder, base, lora),
        test_years=f"{years[0]}-{years[-1]}" if len(years) > 1 else years[0],
        train_teacher=report["train_teacher"],
        **shared,
    )
    return f"{str(card).rstrip()}\n"


def _years(entry: dict[str, Any]) -> list[str]:
    return list(entry["cosine_similarity"]["by_year"])


def _losses_table(metrics: dict[str, Any]) -> str:
    def cell(loss: float | None) -> str:
        return "" if loss is None else f"{loss:.3f}"

    rows = [
        [str(epoch["epoch"]), cell(epoch["train_loss"]), cell(epoch["validation_loss"])]
        for epoch in metrics["loss_by_epoch"]
    ]
    return as_markdown(["epoch", "training", "validation"], rows)


def _snippet(folder: ModelFolder, base: str, lora: bool) -> str:
    """Return Python that loads the model and answers one question."""
    if lora:
        load = [
            "from peft import PeftModel",
            "from transformers import AutoModelForCausalLM, AutoTokenizer",
            "",
            f'base = AutoModelForCausalLM.from_pretrained("{base}")',
            f'model = PeftModel.from_pretrained(base, "{folder.given}")',
        ]
    else:
        load = [
            "from transformers import AutoModelForCausalLM, AutoTokenizer",
            "",
            f'model = AutoModelForCausalLM.from_pretrained("{folder.given}")',
        ]
    prompt = build_prompt(INSTRUCTION, "{abstract}", "{question}").replace("\n", "\\n")
    return "\n".join(
        [
            *load,
            f'tokenizer = AutoTokenizer.from_pretrained("{folder.given}")',
            'abstract = "..."  # the text of the abstract',
            'question = "What problem does the paper address?"',
            f'prompt = f"{prompt}"',
            'inputs = tokenizer(prompt, return_tensors="pt")',
            f"tokens = model.generate(**inputs, max_new_tokens={MAX_ANSWER_TOKENS}, do_sample=False)",
            'print(tokenizer.decode(tokens[0, inputs["input_ids"].shape[1]:], skip_special_tokens=True))',
        ]
    )
