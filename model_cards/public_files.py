"""Choose the files of a run that are published, and replace the names of local folders in them by Hub ids."""

import json
from fnmatch import fnmatchcase
from pathlib import Path

from dataset_builder.files import read_json
from dataset_builder.formats import to_json
from dataset_builder.models.folders import METRICS_FILE, RECIPE_FILE
from eval.analysis.scores import SCORES_FILE, Scores
from eval.run_metrics import ENVIRONMENT_FILE, RunMetrics
from model_cards.cards.metadata import GEMMA, RESULTS_FILE, eval_results_yaml
from model_cards.cards.model_card import GEMMA_NOTICE
from model_cards.names import Names
from model_cards.trained_run import TrainedRun

ADAPTER_CONFIG, NOTICE_FILE = "adapter_config.json", "NOTICE"
# Only these files of a run are published. No pattern matches a pickle, which can run code when it is loaded.
PUBLISHED = (
    *("model*.safetensors", "model.safetensors.index.json", "adapter_model.safetensors"),
    *("config.json", "generation_config.json", ADAPTER_CONFIG),
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
    *("chat_template.jinja", "vocab.json", "vocab.txt", "merges.txt"),
    *(RECIPE_FILE, METRICS_FILE, ENVIRONMENT_FILE),
)


def public_files(run: TrainedRun, scores: Scores, names: Names, license_id: str | None) -> dict[str, Path | bytes]:
    """Return the files to publish by name: a path for a file as it is, bytes for one that is written anew."""
    files: dict[str, Path | bytes] = {
        path.name: path
        for path in sorted(run.path.iterdir())
        if any(fnmatchcase(path.name, pattern) for pattern in PUBLISHED)
    }
    files[METRICS_FILE] = to_json(_public_metrics(run.metrics, names, license_id)).encode()
    files[RECIPE_FILE] = run.recipe_for(names, license_id).encode()
    files[SCORES_FILE] = to_json(_public_scores(scores, names)).encode()
    files[RESULTS_FILE] = eval_results_yaml(scores, run.system, names).encode()
    if run.is_adapter:
        config = read_json(run.path / ADAPTER_CONFIG) | {"base_model_name_or_path": names.base}
        files[ADAPTER_CONFIG] = (json.dumps(config, indent=2, ensure_ascii=False) + "\n").encode()
    if license_id == GEMMA:
        files[NOTICE_FILE] = f"{GEMMA_NOTICE}\n".encode()
    return files


def _public_scores(scores: Scores, names: Names) -> Scores:
    return scores.model_copy(
        update={
            "dataset": names.scored.dataset,
            "revision": names.scored.revision,
            "systems": {name: system.model_copy(update={"model": None}) for name, system in scores.systems.items()},
        }
    )


def _public_metrics(metrics: RunMetrics, names: Names, license_id: str | None) -> RunMetrics:
    trained = names.trained
    return metrics.model_copy(
        update={
            "base_model": names.base,
            "base_model_path": names.base,
            "dataset": trained.corpus.dataset,
            "dataset_revision": trained.corpus.revision,
            "license": license_id,
            "adapter": trained.start and trained.start.name,
        }
    )
