"""A trained model on the Hub: what of a run is sent, and what is checked before."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from dataset_builder.card_rules import HUB_ID, check_metadata
from dataset_builder.errors import InputError
from dataset_builder.files import read_json
from dataset_builder.hub import check_repo_id, push
from dataset_builder.hub_change import Push, Pushed
from dataset_builder.hub_errors import telling_hub_errors
from dataset_builder.report import REPORT_FILE
from eval.model_folder import METRICS_FILE, RECIPE_FILE, ModelFolder, find_model
from model_cards.eval_results import RESULTS_FILE, eval_results_yaml
from model_cards.figures import LOSS_CURVE, draw_loss_curve
from model_cards.model_card import Names, model_card, recipe_for

ADAPTER_CONFIG, SCORES_FILE = "adapter_config.json", "scores.json"
# All that is ever sent of a run. No pattern takes a pickle: those can run code when they are loaded.
SENT = (
    *("model*.safetensors", "model.safetensors.index.json", "adapter_model.safetensors"),
    *("config.json", "generation_config.json", ADAPTER_CONFIG),
    *(
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "added_tokens.json",
        "chat_template.jinja",
    ),
    *("vocab.json", "vocab.txt", "merges.txt"),
    *(RECIPE_FILE, METRICS_FILE, "environment.json"),
)
OWNED = (*SENT, LOSS_CURVE, SCORES_FILE, RESULTS_FILE)


def publish(
    run: Path,
    repo_id: str,
    scores_path: Path,
    dataset_id: str | None = None,
    base_model: str | None = None,
    license_id: str | None = None,
    private: bool = False,
    tag: str | None = None,
    dry_run: bool = False,
) -> Pushed:
    """Publish the model or adapter of a finished run with the scores that were measured of it.

    `dataset_id`, `base_model` (Hub ids) and `license_id` are needed where scores and run do not tell them. The corpus
    must be on the Hub already: its commit is what the card and the scores pin. Returns what came of it; raises
    `InputError` for whatever does not fit together, before anything is sent.
    """
    from huggingface_hub import ModelCard, constants

    check_repo_id(repo_id)
    scores = read_json(scores_path)
    folder = _scored_run(run, scores, scores_path)
    metrics = folder.metrics()
    base = base_model or metrics["base_model"]
    if base is None:
        raise InputError(
            f"--run {run}: its base {metrics['base_model_path']} is a folder that does not say which model of the Hub "
            "it is; pass --base-model ORG/NAME"
        )
    dataset_id, report, commit = _corpus_on_hub(dataset_id, scores, scores_path)
    license_id = license_id or metrics["license"]
    if _written_by_gemma(report) and license_id != "gemma":
        raise InputError(
            f"--run {run}: its training pairs were written by {report['train_teacher']}, whose terms count such a "
            f"model as a derivative of Gemma, and the licence is {license_id!r}; pass --license gemma"
        )
    source = f"{constants.ENDPOINT}/{repo_id}/blob/main/{SCORES_FILE}"
    names = Names(repo_id, base, True, dataset_id, commit, source)
    card = model_card(folder, scores, report["train_teacher"], names, license_id)
    check_metadata(ModelCard(card).data.to_dict(), f"the card of {run}")
    with tempfile.TemporaryDirectory() as temporary:
        files: dict[str, Path | bytes] = {
            path.name: path
            for path in sorted(folder.path.iterdir())
            if any(fnmatchcase(path.name, pattern) for pattern in SENT)
        }
        files |= _renamed(folder, names)
        public_scores = {key: value for key, value in scores.items() if key != "model_folders"}
        files[SCORES_FILE] = _as_json(public_scores | {"dataset": dataset_id, "revision": commit})
        files[RESULTS_FILE] = eval_results_yaml(scores, folder.name, dataset_id, commit, source, scores_path).encode()
        files[LOSS_CURVE] = draw_loss_curve(Path(temporary), metrics)
        what = Push(repo_id, "model", card, files, OWNED, f"Publish {folder.path.resolve().name}")
        return push(what, private, tag, dry_run)


def _written_by_gemma(report: dict[str, Any]) -> bool:
    """Tell by the training teacher's manifest whether its output carries Gemma's terms, else by the teacher's name."""
    teacher = report["train_teacher"]
    manifest = report["teachers"][teacher]
    return manifest["teacher"]["license"] == "gemma" if manifest else "gemma" in teacher.lower()


def _scored_run(run: Path, scores: dict[str, Any], scores_path: Path) -> ModelFolder:
    """Return the run under the name that the scores give it."""
    if not run.is_dir():
        raise InputError(f"--run {run}: no such folder; give a run's")
    folder = find_model(run.name, str(run))
    if not folder.metrics():
        raise InputError(f"--run {run}: was not trained here ({METRICS_FILE} is missing); give a run's folder")
    _check_weights(folder)
    for name, source in scores["model_folders"].items():
        if source["sha256"] == folder.fingerprint and "consensus" not in source:
            return replace(folder, name=name)
    raise InputError(
        f"--scores {scores_path}: has no scores of {run} as it is now, only of "
        f"{', '.join(source['path'] for source in scores['model_folders'].values())}; run the evaluation on it"
    )


def _check_weights(folder: ModelFolder) -> None:
    from safetensors import SafetensorError, safe_open

    for path in folder.path.glob("*.safetensors"):
        try:
            with safe_open(path, framework="numpy") as weights:
                whole = len(weights.keys()) > 0
        except SafetensorError as error:
            raise InputError(f"{path}: is no whole safetensors file ({error}); train the model again") from error
        if not whole:
            raise InputError(f"{path}: holds no weights; train the model again")


def _corpus_on_hub(
    dataset_id: str | None, scores: dict[str, Any], scores_path: Path
) -> tuple[str, dict[str, Any], str]:
    """Return id, report and commit of the corpus on the Hub whose rows the scores were measured on."""
    from huggingface_hub import HfApi, hf_hub_download

    on_hub = not scores["revision"].startswith("sha256:")
    if dataset_id is None and on_hub:
        dataset_id = scores["dataset"]
    if dataset_id is None or not HUB_ID.fullmatch(dataset_id):
        raise InputError(
            f"--scores {scores_path}: are on {scores['dataset']}, a folder here; name the corpus on the Hub by "
            "--dataset-id ORG/NAME"
        )
    with telling_hub_errors(dataset_id, "dataset"):
        revision = scores["revision"] if on_hub else None
        commit = HfApi().dataset_info(dataset_id, revision=revision).sha
        report = read_json(Path(hf_hub_download(dataset_id, REPORT_FILE, repo_type="dataset", revision=commit)))
    if not on_hub and report["revision"] != scores["revision"]:
        raise InputError(
            f"--dataset-id {dataset_id}: has other rows than {scores['dataset']}, which the scores are on; push that "
            "corpus first with `python -m dataset_builder push`, or run the evaluation on the published one"
        )
    return dataset_id, report, commit


def _renamed(folder: ModelFolder, names: Names) -> dict[str, bytes]:
    """Return the files of the run that name this machine's folders, with the Hub's names in their place."""
    metrics = folder.metrics() | {
        "base_model": names.base,
        "base_model_path": names.base,
        "dataset": names.dataset,
        "dataset_revision": names.revision,
    }
    files = {
        METRICS_FILE: _as_json(metrics),
        RECIPE_FILE: yaml.safe_dump(recipe_for(folder, names), sort_keys=True, allow_unicode=True).encode(),
    }
    if folder.base:
        config = read_json(folder.path / ADAPTER_CONFIG)
        files[ADAPTER_CONFIG] = _as_json(config | {"base_model_name_or_path": names.base})
    return files


def _as_json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()
