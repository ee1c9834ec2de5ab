"""The card of one trained model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from dataset_builder.corpus.card import GEMMA_TERMS
from dataset_builder.errors import InputError
from dataset_builder.files import read_json
from dataset_builder.hub.card_merge import render_card
from dataset_builder.prompt import INSTRUCTION, MAX_ANSWER_TOKENS, build_prompt
from eval.models import RECIPE_FILE, ModelFolder
from eval.report.markdown import how_answered
from eval.report.tables import as_markdown
from model_cards.figures import LOSS_CURVE, REWARD_CURVE
from model_cards.names import Names, named_on_hub
from model_cards.scores import scores_table
from model_cards.training_data import Corpus, local_corpus, training_data

METHODS = {
    "full": "full fine-tuning, every parameter",
    "lora": "LoRA: an adapter, the base unchanged",
    "grpo": "GRPO, rewarded by similarity to the references: a LoRA adapter trained on, the base unchanged",
}
TEMPLATES = Path(__file__).parent / "templates"
GEMMA_PROHIBITED_USES = "https://ai.google.dev/gemma/prohibited_use_policy"
# The words that section 3.1 of the terms asks for.
GEMMA_NOTICE = "Gemma is provided under and subject to the Gemma Terms of Use found at ai.google.dev/gemma/terms"
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


def local_names(folder: ModelFolder, scored: Corpus) -> Names:
    """Return the names of a model that is in a folder of this machine."""
    metrics = folder.metrics()
    encoder = own_recipe(folder).get("encoder")
    trained = training_data(
        metrics, folder.given, lambda dataset, revision: local_corpus(dataset, revision, scored), lambda start: start
    )
    return Names(
        model=folder.given,
        base=metrics["base_model"] or metrics["base_model_path"],
        base_on_hub=metrics["base_model"] is not None,
        scored=scored,
        trained=trained,
        encoder=encoder and (named_on_hub(encoder) or encoder),
    )


def own_recipe(folder: ModelFolder) -> dict[str, Any]:
    """Return the recipe as the run kept it."""
    return yaml.safe_load((folder.path / RECIPE_FILE).read_text(encoding="utf-8"))


def recipe_for(folder: ModelFolder, names: Names, license_id: str | None) -> dict[str, Any]:
    """Return the run's recipe with the names of `names`, so that it trains the same model elsewhere."""
    grpo = folder.metrics()["method"] == "grpo"
    return own_recipe(folder) | {
        "model_name_or_path": names.trained.start if grpo else names.base,
        "dataset": names.trained.dataset,
        **({"encoder": names.encoder} if names.encoder else {}),
        **({"license": license_id} if license_id else {}),
        "output_dir": f"runs/{folder.path.resolve().name}",
    }


def model_card(folder: ModelFolder, scores: dict[str, Any], names: Names, license_id: str | None) -> str:
    """Return the card of the model in `folder`.

    `scores` is the content of scores.json, in which the model is called `folder.name`. `license_id` is that of the
    trained model; "gemma" gives the cautious form of a model trained on Gemma's pairs.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    metrics = folder.metrics()
    lora = folder.base is not None
    entry = scores["models"][folder.name]
    years = sorted({year for of_config in entry.values() for year in of_config["cosine_similarity"]["by_year"]})
    recipe = recipe_for(folder, names, license_id)
    corpus = names.trained.corpus
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
        reward_curve=REWARD_CURVE,
        snippet=_snippet(names, lora, metrics["base_model_note"]),
        test_years=f"{years[0]}-{years[-1]}" if len(years) > 1 else years[0],
        trained=names.trained,
        teacher=corpus.report.get("train_teacher"),
        corpus=f"`{corpus.dataset}` at "
        + (f"revision `{corpus.revision}`" if corpus.revision else "a revision that was not recorded"),
        same_corpus=(corpus.dataset, corpus.revision) == (names.scored.dataset, names.scored.revision),
        has_floors=bool(scores.get("heuristics")),
        license_id=license_id,
        gemma_notice=GEMMA_NOTICE,
        gemma_terms=GEMMA_TERMS,
        gemma_prohibited_uses=GEMMA_PROHIBITED_USES,
    )
    return render_card(_metadata(folder, scores, names, lora, license_id), text)


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
            dataset_type=names.scored.dataset,
            dataset_name=f"ISCA-QA, test written by {config}",
            dataset_config=config,
            dataset_split="test",
            dataset_revision=names.scored.revision,
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
        datasets=[names.trained.corpus.dataset],
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


def _snippet(names: Names, lora: bool, base_note: str | None) -> str:
    """Return Python that loads the model and answers one question; it runs as it stands."""
    if lora:
        load = [
            "from peft import PeftModel",
            "from transformers import AutoModelForCausalLM, AutoTokenizer",
            "",
            *(
                ["# Trained and scored on the base as described above: close to this one, not equal to it."]
                * bool(base_note)
            ),
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
