"""Make the line of a recipe in the ledger from its training run and a finished evaluation."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dataset_builder.errors import InputError
from dataset_builder.files import sha256_of_text
from dataset_builder.formats import read_format
from dataset_builder.models.folders import RECIPE_FILE, EncoderFolder, find_model
from dataset_builder.models.packaged import DEFAULT_ENCODER
from eval.analysis.confirmation import LENGTH, MEASURES, PairedAnswers, confirmed_share
from eval.analysis.ledger import LedgerLine, MeasureScore
from eval.analysis.scores import SCORES_FILE, MeanScore, Scores, SystemScores, read_scores
from eval.metrics.lexical import HEADLINE, SUPPORTED
from eval.metrics.predictions import ScoredAnswers, predictions_path, read_predictions
from eval.run_metrics import AnswerSampling, RunMetrics, read_environment, read_run_metrics, read_sampled_answers
from training.comparison.recipes import BEST_OF_N, LORA, MBR, ComparedRuns
from training.run.folder import INPUTS_FILE, KEYS_WITHOUT_EFFECT, RunInputs
from training.run.recipe import read_recipe_file

# The measures of `training/alignment/ranking.py` that are measures of the ledger, by their names there.
RANKED = {"numbers": "number_match", "length": LENGTH}
# The keys of a recipe that do not change the result, that name a folder of this machine, or that the line has itself.
NOT_COMPARED = (
    *KEYS_WITHOUT_EFFECT,
    *("dataset", "encoder", "model_name_or_path", "preferences", "verifier", "written_answers", "seed"),
)
# More than rounding.
OTHER_MEAN = 1e-4


def collect_line(evaluation: Path, name: str, runs: ComparedRuns) -> LedgerLine:
    """Return the line of the recipe `name`, by the evaluation in a folder.

    Raises `InputError` if the evaluation lacks the recipe or LoRA, or asked them in another way, and if the run was
    trained on another corpus, with another seed, or again since the evaluation.
    """
    scores = read_scores(evaluation / SCORES_FILE)
    systems = {system: _find_system(scores, system, evaluation) for system in (LORA, name)}
    sampling = runs.mbr_sampling() if name == MBR else None
    sampled = systems[name].decoding
    if sampling and (sampled.samples, sampled.temperature, sampled.seed) != (
        sampling.samples,
        sampling.temperature,
        sampling.seed,
    ):
        problem = f"its system {name!r} was not sampled by {sampling}"
        raise InputError(f"{evaluation / SCORES_FILE}: {problem}; evaluate it with these values")
    folder = runs.run_folder(name)
    metrics, environment = read_run_metrics(folder), read_environment(folder)
    again = f"evaluate it again, or give another evaluation than {evaluation}"
    if find_model(name, str(folder)).fingerprint != systems[name].sha256:
        raise InputError(f"{folder}: is not the model that was evaluated as {name!r}; {again}")
    if metrics.seed != runs.seed_of(name):
        raise InputError(f"{folder}: was trained with seed {metrics.seed}; pass --seed {metrics.seed}")
    used_encoder = trained_keys(folder).get("encoder", DEFAULT_ENCODER)
    label = EncoderFolder(used_encoder, Path(used_encoder)).label
    if label in scores.encoders[1:]:
        problem = f"{folder} was trained with {label}, which is not the first encoder"
        raise InputError(f"{evaluation / SCORES_FILE}: {problem}; evaluate with --encoders {label} and then the other")
    samples = metrics.samples or read_sampled_answers(Path(metrics.dataset))
    if name == BEST_OF_N and samples is None:
        raise InputError(f"{metrics.dataset}: has no samples.json, which says how the answers were chosen; restore it")
    judges = read_format(RunInputs, folder / INPUTS_FILE, f"train {name} again").judges_sha256
    if samples and judges and samples.encoder_sha256 not in judges:
        problem = f"another encoder than {used_encoder} ranked its sampled answers"
        raise InputError(f"{folder}: {problem}; sample them again, and train again")
    if scores.revision not in (metrics.dataset_revision, samples and samples.dataset_revision):
        raise InputError(f"{folder}: was trained on another corpus than {scores.revision}; {again}")

    predictions = {system: _read_predictions(evaluation, system, systems[system]) for system in systems}
    answers = {
        config: PairedAnswers(predictions[name][config], predictions[LORA][config]) for config in predictions[name]
    }
    is_rewarded = metrics.method == "grpo" and bool(trained_keys(folder).get("verifier"))
    used = used_measures(metrics, scores.verifier.sha256 if scores.verifier else None, is_rewarded)
    return LedgerLine(
        recipe=name,
        base=runs.base,
        seed=metrics.seed,
        date=scores.date,
        recipe_sha256=recipe_sha256(runs.read_recipe(name), sampling),
        changed_keys=changed_keys(runs.read_recipe(name), folder),
        corpus_revision=scores.revision,
        encoders=scores.encoders,
        verifier_sha256=scores.verifier.sha256 if scores.verifier else None,
        sampled_questions=scores.sampled_questions,
        model_sha256=systems[name].sha256,
        lora_sha256=systems[LORA].sha256,
        environment=environment,
        training_minutes=None if name == MBR else round(metrics.train_seconds / 60, 2),
        configs={
            config: {
                measure: MeasureScore(
                    **{key: getattr(score, key) for key in MeanScore.model_fields},
                    difference=None if name == LORA else answers[config].difference(measure),
                )
                for measure in MEASURES
                if (score := entry.metrics.get(measure))
            }
            for config, entry in systems[name].configs.items()
        },
        used_measures=used,
        confirmed_share=None if name == LORA else confirmed_share(answers, used),
    )


def used_measures(metrics: RunMetrics, verifier_sha256: str | None, is_support_rewarded: bool = False) -> list[str]:
    """Return the measures that took part in the training of a run, or in choosing its epoch or its answers.

    The first encoder chooses the epoch of every run, and the answer of MBR decoding. `verifier_sha256` is the verifier
    of the evaluation: another one than that of the ranking took no part. `is_support_rewarded` says whether GRPO
    rewarded the support by some verifier, which may be the same.
    """
    used = {HEADLINE}
    if metrics.method == "grpo":
        used |= {*RANKED.values(), *([SUPPORTED] if is_support_rewarded else [])}
    if samples := metrics.samples or read_sampled_answers(Path(metrics.dataset)):
        used |= {RANKED[measure] for measure in samples.measures if measure in RANKED}
        if samples.verifier_sha256 is not None and samples.verifier_sha256 == verifier_sha256:
            used.add(SUPPORTED)
    return [measure for measure in MEASURES if measure in used]


def recipe_sha256(keys: Mapping[str, Any], sampling: AnswerSampling | None) -> str:
    """Return the SHA-256 over the keys of a recipe's file, and the sampling of MBR decoding."""
    content = {"recipe": keys, "sampling": sampling.model_dump() if sampling else None}
    return sha256_of_text(json.dumps(content, sort_keys=True, default=str))


def changed_keys(keys: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return the keys that a run had otherwise than its recipe's file, with the run's values."""
    trained = trained_keys(folder)
    compared = sorted({*keys, *trained} - set(NOT_COMPARED))
    return {key: trained.get(key) for key in compared if trained.get(key) != keys.get(key)}


def trained_keys(folder: Path) -> dict[str, Any]:
    """Return the keys of the recipe in the folder of a run."""
    return read_recipe_file(folder / RECIPE_FILE)


def _find_system(scores: Scores, name: str, evaluation: Path) -> SystemScores:
    system = scores.systems.get(name)
    method = "mbr" if name == MBR else "greedy"
    if system is None or system.prompt != "plain" or system.decoding.method != method:
        decoding = ",decoding=mbr" if name == MBR else ""
        raise InputError(
            f"{evaluation / SCORES_FILE}: has no system {name!r} with the plain prompt and {method} decoding; "
            f"evaluate it as `--models {name}=DIR{decoding}`"
        )
    return system


def _read_predictions(evaluation: Path, name: str, system: SystemScores) -> dict[str, ScoredAnswers]:
    """Return the scored answers by config; raises `InputError` if they are not those of the scores."""
    found = {}
    for config, entry in system.configs.items():
        path = predictions_path(evaluation / "predictions", config, name)
        found[config] = read_predictions(path)
        known = [value for value in found[config].values.get(HEADLINE, []) if value is not None]
        score = entry.metrics[HEADLINE]
        if len(known) != score.n or abs(sum(known) / len(known) - score.mean) > OTHER_MEAN:
            raise InputError(f"{path}: has other answers than {SCORES_FILE}; run `python -m eval run` again")
    return found
