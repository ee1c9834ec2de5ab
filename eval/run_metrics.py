"""Define the files that training writes beside the weights: metrics.json and environment.json."""

from pathlib import Path
from typing import Literal

from dataset_builder.formats import FileFormat, read_format
from dataset_builder.models.folders import METRICS_FILE, ModelFolder

ENVIRONMENT_FILE = "environment.json"


class StepLoss(FileFormat):
    """The mean loss of the steps up to `step` since the one logged before.

    It is the cross entropy in nats per answer token. DPO has a loss of its own.
    """

    step: int
    epoch: float
    loss: float


class StepPreference(FileFormat):
    """The rewards of DPO in the steps up to `step` since the one logged before.

    An answer's reward is `beta` times the difference of its log-probabilities by the model and by the reference model.
    `margin` is the difference of the rewards of the chosen and the rejected answer, and `accuracy` the share of the
    questions whose chosen answer has the higher reward. Both are means over the batches, which all count the same.
    """

    step: int
    margin: float
    accuracy: float


class EpochLoss(FileFormat):
    """The losses of an epoch, as in `StepLoss`, and the similarity of its validation answers (-1 to 1).

    `train_loss` is null if no step of the epoch was logged.
    """

    epoch: int
    train_loss: float | None
    validation_loss: float | None
    validation_similarity: float | None


class ValidationScore(FileFormat):
    """The loss and the answer similarity on the validation split, None where they were not measured."""

    loss: float | None
    similarity: float | None


class ChosenEpoch(ValidationScore):
    """The epoch whose weights were saved, with its validation scores."""

    epoch: float | None


class AnswerSampling(FileFormat):
    """How answers are sampled from a model: how many for each question, at which temperature, with which seed."""

    samples: int
    temperature: float
    seed: int


class RunEnvironment(FileFormat):
    """The hardware, the number format and the software of a run. `devices` counts its processes.

    `commit` is the checked-out commit of the project's code, "unknown" outside a Git repository.
    """

    device: str
    devices: int
    threads: int
    precision: str
    python: str
    packages: dict[str, str]
    commit: str


class RunMetrics(FileFormat):
    """The measurements of a finished run, written last. Times are in seconds of training steps, memory in bytes."""

    base_model: str | None
    base_model_path: str
    base_model_note: str | None
    method: Literal["full", "lora", "dpo"]
    dataset: str
    dataset_revision: str | None
    license: str | None
    seed: int
    train_pairs: int
    epochs: float
    train_seconds: float
    peak_memory_bytes: int
    trainable_parameters: int
    tokens_per_second: float
    loss_by_step: list[StepLoss]
    loss_by_epoch: list[EpochLoss]
    validation_before: ValidationScore
    validation: ChosenEpoch
    # DPO only: the adapter that training started from, and the rewards.
    adapter: str | None = None
    preference_by_step: list[StepPreference] | None = None

    @property
    def has_cross_entropy(self) -> bool:
        """Return whether the losses are the cross entropy of the answers; only such losses are comparable."""
        return self.method in ("full", "lora")

    @property
    def validation_losses(self) -> dict[float, float]:
        """Return the validation losses by the epoch, with decimals, at which they were measured."""
        # A run that ends within an epoch is validated there.
        return {
            min(float(epoch.epoch), self.epochs): epoch.validation_loss
            for epoch in self.loss_by_epoch
            if epoch.validation_loss is not None
        }


def read_run_metrics(folder: Path) -> RunMetrics:
    """Return the metrics of the run in `folder`; raises `InputError` for a file that cannot be read."""
    return read_format(RunMetrics, folder / METRICS_FILE, "train the model again in another --output_dir")


def read_metrics_of_model(folder: ModelFolder) -> RunMetrics | None:
    """Return the metrics of the run that trained the model; None for a model that this project did not train.

    Another project may have a metrics.json, too. A run of this one has environment.json beside it.
    """
    files = (METRICS_FILE, ENVIRONMENT_FILE)
    return read_run_metrics(folder.path) if all((folder.path / name).is_file() for name in files) else None


def read_environment(folder: Path) -> RunEnvironment:
    """Return the environment of a run; raises `InputError` for a file that cannot be read."""
    return read_format(RunEnvironment, folder / ENVIRONMENT_FILE, "train the model again in another --output_dir")
