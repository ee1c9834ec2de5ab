"""Write the scores and the facts of a model in the formats that the Hub reads: card metadata and `.eval_results`."""

from typing import Any, cast

import yaml

from dataset_builder.corpus.publication.card import GEMMA_TERMS, field_tags
from dataset_builder.errors import InputError
from eval.analysis.scores import SCORES_FILE, Scores
from eval.metrics.lexical import HEADLINE
from model_cards.names import Names
from model_cards.trained_run import TrainedRun

GEMMA = "gemma"
RESULTS_FILE = ".eval_results/isca-qa.yaml"


def card_metadata(run: TrainedRun, scores: Scores, names: Names, license_id: str | None) -> dict[str, Any]:
    """Return the metadata with the scores as its model index; raises `InputError` for a model without a licence."""
    from huggingface_hub import EvalResult, ModelCardData

    results = [
        EvalResult(
            task_type="text-generation",
            task_name="Question answering over an abstract",
            dataset_type=names.scored.dataset,
            dataset_name=f"{names.scored.name}, test by {config}, {names.scored.asked(config, entry.n)}",
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
    if license_id is None:
        raise InputError(f"{run.source}: its recipe has no licence for the model; pass one, as --license apache-2.0")
    is_gemma = license_id == GEMMA
    relation = "adapter" if run.is_adapter else "finetune"
    data = ModelCardData(
        model_name=names.model.split("/")[-1],
        language="en",
        license="other" if is_gemma else license_id,
        license_name=GEMMA if is_gemma else None,
        license_link=GEMMA_TERMS if is_gemma else None,
        library_name="peft" if run.is_adapter else "transformers",
        tags=[*field_tags(names.trained.corpus.report), "question-answering", *(["lora"] if run.is_adapter else [])],
        datasets=[names.trained.corpus.dataset],
        # Only a Hub id: the Hub refuses the path of a folder.
        base_model=names.base if names.base_on_hub else None,
        base_model_relation=relation if names.base_on_hub else None,
        pipeline_tag="text-generation",
        metrics=[HEADLINE],
        eval_results=results,
    )
    return cast(dict[str, Any], data.to_dict())  # type: ignore[no-untyped-call]  # the class has no types


def eval_results_yaml(scores: Scores, system: str, names: Names) -> str:
    """Return the results of `system`, one entry for each config. Each config is a task of the corpus's eval.yaml.

    The format is huggingface_hub's `EvalResultEntry`.
    """
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

    entries = [
        EvalResultEntry(
            dataset_id=names.scored.dataset,
            task_id=config,
            value=entry.metrics[HEADLINE].mean,
            dataset_revision=names.scored.revision,
            date=scores.date,
            source_url=names.scores_url,
            source_name=SCORES_FILE,
            notes=f"mean cosine similarity by {scores.encoders[0]}, {names.scored.asked(config, entry.n)} on "
            f"{entry.papers} papers",
        )
        for config, entry in scores.systems[system].configs.items()
    ]
    return yaml.safe_dump(eval_result_entries_to_yaml(entries), sort_keys=False, allow_unicode=True)
