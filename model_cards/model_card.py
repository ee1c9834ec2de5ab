"""The card of one trained model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dataset_builder.card_parts import whole_card
from dataset_builder.errors import InputError
from dataset_builder.files import read_json
from dataset_builder.prompt import INSTRUCTION, MAX_ANSWER_TOKENS, build_prompt
from eval.comparison import as_markdown
from eval.model_folder import RECIPE_FILE, ModelFolder
from eval.report import how_answered
from model_cards.figures import LOSS_CURVE

METHODS = {
    "full": "full fine-tuning, every parameter",
    "lora": "LoRA: an adapter, the base unchanged",
    "grpo": "GRPO, rewarded by similarity to the references: a LoRA adapter trained on, the base unchanged",
}
TEMPLATES = Path(__file__).parent / "templates"
GEMMA_TERMS = "https://ai.google.dev/gemma/terms"
# The settings that a reader asks for first; the recipe has all.
HYPERPARAMETERS = {
    "learning_rate": "learning rate",
    "lr_scheduler_type": "schedule",
    "warmup_steps": "warm-up",
    "num_train_epochs": "epochs asked for",
    "max_steps": "steps at most",
    "per_device_train_batch_size": "batch on a device",
    "gradient_accumulation_steps": "batches to a step",
    "lora_r": "LoRA rank",
    "lora_alpha": "LoRA alpha",
    "lora_target_modules": "LoRA on",
}


@dataclass(frozen=True)
class Names:
    """What a card calls things: the model as its snippet loads it, its base, the corpus and what pins it.

    On the Hub these are ids and a commit. `source` is the address of the scores, where they have one.
    """

    model: str
    base: str
    base_on_hub: bool
    dataset: str
    revision: str
    source: str | None = None


def local_names(folder: ModelFolder, metrics: dict[str, Any], dataset_id: str, revision: str) -> Names:
    """Return the names of a model that is in a folder of this machine."""
    base = metrics["base_model"] or metrics["base_model_path"]
    return Names(folder.given, base, metrics["base_model"] is not None, dataset_id, revision)


def recipe_for(folder: ModelFolder, names: Names) -> dict[str, Any]:
    """Return the run's recipe with the names of `names`, so that it trains the same model elsewhere."""
    recipe = yaml.safe_load((folder.path / RECIPE_FILE).read_text(encoding="utf-8"))
    return recipe | {
        "model_name_or_path": names.base,
        "dataset": names.dataset,
        "output_dir": f"runs/{folder.path.resolve().name}",
    }


def model_card(
    folder: ModelFolder, scores: dict[str, Any], train_teacher: str, names: Names, license_id: str | None
) -> str:
    """Return the card of the model in `folder`.

    `scores` is the content of scores.json, in which the model is called `folder.name`. `license_id` is that of the
    trained model; "gemma" gives the cautious form of a model trained on Gemma's pairs.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    metrics = folder.metrics()
    lora = folder.base is not None
    entry = scores["models"][folder.name]
    years = sorted({year for of_config in entry.values() for year in of_config["cosine_similarity"]["by_year"]})
    recipe = recipe_for(folder, names)
    templates = Environment(
        loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    text = templates.get_template("model.md.j2").render(
        title=Path(names.model).name,
        names=names,
        name=folder.name,
        lora=lora,
        method=METHODS[metrics["method"]],
        metrics=metrics,
        environment=read_json(folder.path / "environment.json"),
        scores=scores_table(scores),
        asked=[f"{of['n']} questions on {of['papers']} papers in `{config}`" for config, of in entry.items()],
        has_intervals=any("low" in of["cosine_similarity"] for of in entry.values()),
        encoders=", ".join(f"`{encoder}`" for encoder in scores["encoders"]),
        how_answered=how_answered(scores),
        hyperparameters={
            label: "every linear layer" if recipe[key] == "all-linear" else recipe[key]
            for key, label in HYPERPARAMETERS.items()
            if key in recipe
        },
        recipe=yaml.safe_dump(recipe, sort_keys=True, allow_unicode=True).strip(),
        losses=_losses_table(metrics),
        loss_curve=LOSS_CURVE,
        snippet=_snippet(names, lora),
        test_years=f"{years[0]}-{years[-1]}" if len(years) > 1 else years[0],
        train_teacher=train_teacher,
        gemma=license_id == "gemma",
        gemma_terms=GEMMA_TERMS,
    )
    return whole_card(_metadata(folder, scores, names, lora, license_id), text)


def scores_table(scores: dict[str, Any]) -> str:
    """Return each model's mean similarity by config in Markdown, with its interval where the scores have one."""
    configs = list(dict.fromkeys(config for of_model in scores["models"].values() for config in of_model))

    def cell(of_model: dict[str, Any], config: str) -> str:
        if config not in of_model:
            return ""
        similarity = of_model[config]["cosine_similarity"]
        interval = f" [{similarity['low']:.3f}, {similarity['high']:.3f}]" if "low" in similarity else ""
        return f"{similarity['mean']:.3f}{interval}"

    rows = [[name, *(cell(of_model, config) for config in configs)] for name, of_model in scores["models"].items()]
    return as_markdown(["model", *(f"test by `{config}`" for config in configs)], rows)


def _metadata(
    folder: ModelFolder, scores: dict[str, Any], names: Names, lora: bool, license_id: str | None
) -> dict[str, Any]:
    from huggingface_hub import EvalResult, ModelCardData

    if license_id is None:
        raise InputError(
            f"{folder.given}: its recipe names no licence for the model; pass one by --license, such as apache-2.0"
        )
    results = [
        EvalResult(
            task_type="text-generation",
            task_name="Question answering over an abstract",
            dataset_type=names.dataset,
            dataset_name=f"ISCA-QA, test written by {config}",
            dataset_config=config,
            dataset_split="test",
            dataset_revision=names.revision,
            metric_type="cosine_similarity",
            metric_name=f"Cosine similarity ({scores['encoders'][0]})",
            metric_value=entry["cosine_similarity"]["mean"],
            source_name="scores.json" if names.source else None,
            source_url=names.source,
        )
        for config, entry in scores["models"][folder.name].items()
    ]
    gemma = {"license_name": "gemma", "license_link": GEMMA_TERMS} if license_id == "gemma" else {}
    data = ModelCardData(
        model_name=names.model.split("/")[-1],
        language="en",
        license="other" if gemma else license_id,
        **gemma,
        library_name="peft" if lora else "transformers",
        pipeline_tag="text-generation",
        tags=["computer-architecture", "question-answering", *(["lora"] if lora else [])],
        datasets=[names.dataset],
        metrics=["cosine_similarity"],
        # The Hub's id alone: a path of this machine means nothing there.
        base_model=names.base if names.base_on_hub else None,
        base_model_relation=("adapter" if lora else "finetune") if names.base_on_hub else None,
        eval_results=results,
    )
    return data.to_dict()


def _losses_table(metrics: dict[str, Any]) -> str:
    def cell(loss: float | None) -> str:
        return "" if loss is None else f"{loss:.3f}"

    rows = [
        [str(epoch["epoch"]), cell(epoch["train_loss"]), cell(epoch["validation_loss"])]
        for epoch in metrics["loss_by_epoch"]
    ]
    return as_markdown(["epoch", "training", "validation"], rows)


def _snippet(names: Names, lora: bool) -> str:
    """Return Python that loads the model and answers one question; it runs as it stands."""
    if lora:
        load = [
            "from peft import PeftModel",
            "from transformers import AutoModelForCausalLM, AutoTokenizer",
            "",
            f'base = AutoModelForCausalLM.from_pretrained("{names.base}")',
            f'model = PeftModel.from_pretrained(base, "{names.model}")',
        ]
    else:
        load = [
            "from transformers import AutoModelForCausalLM, AutoTokenizer",
            "",
            f'model = AutoModelForCausalLM.from_pretrained("{names.model}")',
        ]
    prompt = build_prompt(INSTRUCTION, "{abstract}", "{question}").replace("\n", "\\n")
    return "\n".join(
        [
            *load,
            f'tokenizer = AutoTokenizer.from_pretrained("{names.model}")',
            'abstract = "A cache that is indexed by a hash of the address loses fewer lines to conflicts."',
            'question = "How does the cache lose fewer lines to conflicts?"',
            f'prompt = f"{prompt}"',
            'inputs = tokenizer(prompt, return_tensors="pt")',
            f"tokens = model.generate(**inputs, max_new_tokens={MAX_ANSWER_TOKENS}, do_sample=False)",
            'print(tokenizer.decode(tokens[0, inputs["input_ids"].shape[1]:], skip_special_tokens=True))',
        ]
    )
