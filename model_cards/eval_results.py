"""Write a model's scores in the format that the Hub's leaderboards read (`.eval_results`)."""

from __future__ import annotations

import yaml

from eval.analysis.scores import SCORES_FILE, Scores
from eval.metrics.lexical import HEADLINE

RESULTS_FILE = ".eval_results/isca-qa.yaml"


def eval_results_yaml(scores: Scores, system: str, dataset_id: str, commit: str, scores_url: str) -> str:
    """Return the results of `system`, one entry for each config. Each config is a task of the corpus's eval.yaml.

    The format is huggingface_hub's `EvalResultEntry`. `commit` is that of the corpus `dataset_id`.
    """
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

    entries = [
        EvalResultEntry(
            dataset_id=dataset_id,
            task_id=config,
            value=entry.metrics[HEADLINE].mean,
            dataset_revision=commit,
            date=scores.date,
            source_url=scores_url,
            source_name=SCORES_FILE,
            notes=f"mean cosine similarity by {scores.encoders[0]}, {entry.n} questions on {entry.papers} papers",
        )
        for config, entry in scores.systems[system].configs.items()
    ]
    return yaml.safe_dump(eval_result_entries_to_yaml(entries), sort_keys=False, allow_unicode=True)
