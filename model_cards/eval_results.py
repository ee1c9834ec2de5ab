"""`.eval_results`: a model's scores in the form that the Hub's leaderboards read."""

from __future__ import annotations

from typing import Any

import yaml

RESULTS_FILE = ".eval_results/isca-qa.yaml"


def eval_results_yaml(scores: dict[str, Any], name: str, dataset_id: str, commit: str, source: str) -> str:
    """Return the file for the model that `scores` calls `name`: an entry for each config, a task of eval.yaml.

    The format is huggingface_hub's `EvalResultEntry`.
    """
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

    measure = f"mean cosine similarity by {scores['encoders'][0]}"
    entries = [
        EvalResultEntry(
            dataset_id=dataset_id,
            task_id=config,
            value=entry["cosine_similarity"]["mean"],
            dataset_revision=commit,
            date=scores["date"],
            source_url=source,
            source_name="scores.json",
            notes=f"{measure}, {entry['n']} questions on {entry['papers']} papers",
        )
        for config, entry in scores["models"][name].items()
    ]
    return yaml.safe_dump(eval_result_entries_to_yaml(entries), sort_keys=False, allow_unicode=True)
