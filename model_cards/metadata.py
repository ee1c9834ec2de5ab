"""Build the metadata of a model card, which the Hub reads, and check the licence of a model."""

from __future__ import annotations

from typing import Any, cast

from dataset_builder.corpus.card import GEMMA_TERMS
from dataset_builder.errors import InputError
from eval.analysis.scores import SCORES_FILE, Scores
from eval.metrics.lexical import HEADLINE
from model_cards.names import Names
from model_cards.trained_run import TrainedRun

GEMMA = "gemma"


def card_metadata(run: TrainedRun, scores: Scores, names: Names, license_id: str | None) -> dict[str, Any]:
    """Return the metadata with the scores as its model index; raises `InputError` for a model without a licence."""
    from huggingface_hub import EvalResult, ModelCardData

    if license_id is None:
        raise InputError(f"{run.source}: its recipe has no licence for the model; pass one, as --license apache-2.0")
    results = [
        EvalResult(
            task_type="text-generation",
            task_name="Question answering over an abstract",
            dataset_type=names.scored.dataset,
            dataset_name=f"ISCA-QA, test by {config}",
            dataset_config=config,
            dataset_split="test",
            dataset_revision=names.scored.revision,
            metric_type=HEADLINE,
            metric_name=f"Cosine similarity ({scores.encoders[0]})",
            metric_value=entry.metrics[HEADLINE].mean,
            source_name=SCORES_FILE if names.scores_url else None,
            source_url=names.scores_url,
        )
        for config, entry in scores.systems[run.system].configs.items()
    ]
    is_gemma = license_id == GEMMA
    relation = "adapter" if run.is_adapter else "finetune"
    data = ModelCardData(
        model_name=names.model.split("/")[-1],
        language="en",
        license="other" if is_gemma else license_id,
        license_name=GEMMA if is_gemma else None,
        license_link=GEMMA_TERMS if is_gemma else None,
        library_name="peft" if run.is_adapter else "transformers",
        pipeline_tag="text-generation",
        tags=["computer-architecture", "question-answering", *(["lora"] if run.is_adapter else [])],
        datasets=[names.trained.corpus.dataset],
        metrics=[HEADLINE],
        # Only a Hub id: the Hub refuses the path of a folder.
        base_model=names.base if names.base_on_hub else None,
        base_model_relation=relation if names.base_on_hub else None,
        eval_results=results,
    )
    return cast(dict[str, Any], data.to_dict())  # type: ignore[no-untyped-call]  # the class has no types
