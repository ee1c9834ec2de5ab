"""A trained model on the Hub: what of a run is sent, and what is checked before."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from dataset_builder.corpus.card import under_gemmas_terms
from dataset_builder.errors import InputError
from dataset_builder.files import read_json
from dataset_builder.hub.card_checks import check_metadata
from dataset_builder.hub.changes import Push, Pushed
from dataset_builder.hub.push import check_repo_id, push
from dataset_builder.packaged_models import SOURCE_FILE
from eval.models import METRICS_FILE, RECIPE_FILE, ModelFolder, find_model
from model_cards.eval_results import RESULTS_FILE, eval_results_yaml
from model_cards.figures import LOSS_CURVE, REWARD_CURVE, draw_training_curve
from model_cards.model_card import GEMMA_NOTICE, model_card, own_recipe, recipe_for
from model_cards.names import Names, named_on_hub, start_on_hub
from model_cards.scores import read_scores
from model_cards.training_data import Corpus, TrainingData, corpus_on_hub, training_data

ADAPTER_CONFIG, SCORES_FILE, NOTICE_FILE = "adapter_config.json", "scores.json", "NOTICE"
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
OWNED = (*SENT, LOSS_CURVE, REWARD_CURVE, SCORES_FILE, RESULTS_FILE, NOTICE_FILE)


def publish(
    run: Path,
    repo_id: str,
    scores_path: Path,
    dataset_id: str | None = None,
    train_dataset_id: str | None = None,
    base_model: str | None = None,
    start_model: str | None = None,
    license_id: str | None = None,
    private: bool = False,
    tag: str | None = None,
    dry_run: bool = False,
) -> Pushed:
    """Publish the model or adapter of a finished run with the scores that were measured of it.

    The Hub ids (`dataset_id` of the corpus that was scored on, `train_dataset_id` where it was trained on another,
    `base_model`, and `start_model` for GRPO and best of n) and `license_id` are needed where scores and run do not
    tell them. The corpora must be on the Hub already: their commits are what the card and the scores pin. Returns what
    came of it; raises `InputError` for whatever does not fit together, before anything is sent.
    """
    from huggingface_hub import ModelCard, constants

    check_repo_id(repo_id)
    scores = read_scores(scores_path)
    folder = _scored_run(run, scores, scores_path)
    metrics = folder.metrics()
    base = base_model or metrics["base_model"]
    if base is None:
        raise InputError(
            f"--run {run}: its base {metrics['base_model_path']} is a folder that does not say which model of the Hub "
            "it is; pass --base-model ORG/NAME"
        )
    encoder = _check_encoders(scores, scores_path, own_recipe(folder).get("encoder"), run)
    use = f"the scores of {scores_path} are on"
    scored = corpus_on_hub(scores["dataset"], scores["revision"], dataset_id, "--dataset-id", use)
    trained, started_from_gemma = _training_data(run, metrics, scored, train_dataset_id, start_model)
    license_id = license_id or metrics["license"]
    teacher = trained.corpus.report["train_teacher"]
    of_gemma = started_from_gemma or under_gemmas_terms(teacher, trained.corpus.report["teachers"][teacher])
    if of_gemma and license_id != "gemma":
        of = trained.start if started_from_gemma else f"pairs written by {teacher}"
        raise InputError(
            f"--run {run}: was made from {of}; Gemma's terms count such a model as a derivative of Gemma, and the "
            f"licence is {license_id!r}; pass --license gemma"
        )
    source = f"{constants.ENDPOINT}/{repo_id}/blob/main/{SCORES_FILE}"
    names = Names(repo_id, base, True, scored, trained, encoder, source)
    card = model_card(folder, scores, names, license_id)
    check_metadata(ModelCard(card).data.to_dict(), f"the card of {run}")
    with tempfile.TemporaryDirectory() as temporary:
        files: dict[str, Path | bytes] = {
            path.name: path
            for path in sorted(folder.path.iterdir())
            if any(fnmatchcase(path.name, pattern) for pattern in SENT)
        }
        files |= _renamed(folder, names, license_id)
        public_scores = {key: value for key, value in scores.items() if key != "model_folders"}
        files[SCORES_FILE] = _as_json(public_scores | {"dataset": scored.dataset, "revision": scored.revision})
        files[RESULTS_FILE] = eval_results_yaml(scores, folder.name, scored.dataset, scored.revision, source).encode()
        curve = draw_training_curve(Path(temporary), metrics)
        files[curve.name] = curve
        if license_id == "gemma":
            files[NOTICE_FILE] = f"{GEMMA_NOTICE}\n".encode()
        what = Push(repo_id, "model", card, files, OWNED, f"Publish {folder.path.resolve().name}")
        return push(what, private, tag, dry_run)


def _check_encoders(scores: dict[str, Any], scores_path: Path, of_recipe: str | None, run: Path) -> str | None:
    """Return the recipe's encoder by its Hub id; raises `InputError` where it or one of the scores' has none."""
    remedy = f'write {{"hub_id": "ORG/NAME"}} into its {SOURCE_FILE}'
    for encoder in (*scores["encoders"], *([scores["cross_encoder"]] if "cross_encoder" in scores else [])):
        if named_on_hub(encoder) != encoder:
            raise InputError(
                f"--scores {scores_path}: are by the encoder {encoder}, a folder here that names no model of the Hub; "
                f"{remedy} and run the evaluation again, which keeps the answers"
            )
    if of_recipe is None:
        return None
    named = named_on_hub(of_recipe)
    if named is None:
        raise InputError(
            f"--run {run}: its recipe's encoder {of_recipe} is a folder here that names no model of the Hub; {remedy}"
        )
    return named


def _training_data(
    run: Path, metrics: dict[str, Any], scored: Corpus, dataset_id: str | None, start_model: str | None
) -> tuple[TrainingData, bool]:
    """Return what the run was trained on, by its names on the Hub, and whether it started from a model of Gemma's."""
    place = f"--run {run}"
    of_gemma = False

    def find(dataset: str, revision: str | None) -> Corpus:
        if revision is None:
            raise InputError(
                f"{place}: does not say at which revision of {dataset} it was trained (metrics.json has no "
                "'dataset_revision'), so that its card could not; train it again"
            )
        if dataset_id is None and revision in (scored.revision, scored.report["revision"]):
            return scored
        return corpus_on_hub(dataset, revision, dataset_id, "--train-dataset-id", f"{run} was trained on")

    def name(start: str) -> str:
        nonlocal of_gemma
        named, of_gemma = start_on_hub(start, start_model, place)
        return named

    return training_data(metrics, place, find, name), of_gemma


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


def _renamed(folder: ModelFolder, names: Names, license_id: str | None) -> dict[str, bytes]:
    """Return the files of the run that name this machine's folders, with the Hub's names in their place."""
    metrics, trained = folder.metrics(), names.trained
    metrics |= {
        "base_model": names.base,
        "base_model_path": names.base,
        "dataset": trained.dataset,
        "license": license_id,
    }
    if trained.samples:
        metrics |= {"samples": trained.samples}
    else:
        metrics |= {"dataset_revision": trained.corpus.revision}
    if "adapter" in metrics:
        metrics |= {"adapter": trained.start}
    if "sweep" in metrics:
        # Without the command and the folders of the runs: the settings that were compared, and what came of them.
        metrics |= {"sweep": _without_folders({key: metrics["sweep"].get(key) for key in ("runs", "chosen", "seeds")})}
    recipe = recipe_for(folder, names, license_id)
    files = {
        METRICS_FILE: _as_json(metrics),
        RECIPE_FILE: yaml.safe_dump(recipe, sort_keys=True, allow_unicode=True).encode(),
    }
    if folder.base:
        config = read_json(folder.path / ADAPTER_CONFIG)
        files[ADAPTER_CONFIG] = _as_json(config | {"base_model_name_or_path": names.base})
    return files


def _without_folders(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_folders(of) for key, of in value.items() if key != "folder"}
    return [_without_folders(of) for of in value] if isinstance(value, list) else value


def _as_json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()
