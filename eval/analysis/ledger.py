"""Define ledger.jsonl, the list of what each recipe gains over LoRA on one corpus, and read and extend it."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import JsonValue

from dataset_builder.files import write_text
from dataset_builder.formats import FileFormat, read_format, read_records, to_json_line
from dataset_builder.models.folders import ModelFolder
from eval.analysis.scores import MeanScore
from eval.run_metrics import RunEnvironment

# In the folder of a training run: its line of the ledger, for its card.
LINE_FILE = "ledger.json"
# A gain of which other measures confirm a smaller share is marked in README.md and in the card.
LEAST_CONFIRMED = 0.5
REMEDY = "remove the line or the file, and run `python -m training.ledger` again"


class MeasureScore(MeanScore):
    """The mean of a measure over the test questions of one config, with its interval.

    `difference` is the mean paired difference from LoRA over the questions for which both have the measure. It is None
    in the line of LoRA itself.
    """

    difference: MeanScore | None


class LedgerLine(FileFormat):
    """The scores of one recipe on one corpus, with its differences from LoRA.

    `base` is the base model's name in the names of the recipes. `recipe_sha256` is over the keys of the recipe file,
    for MBR decoding over the keys of LoRA's recipe and the sampling. `changed_keys` are the keys that the training had
    otherwise than the file. The first of `encoders` was used in training. `sampled_questions` is as in `Scores`.
    `model_sha256` and `lora_sha256` are over the model files of the recipe and of the LoRA adapter that it is compared
    with. A ledger that was continued on another machine has two adapters of LoRA.

    `environment` is the machine and the code of the training. `training_minutes` is the time of its training steps. If
    a recipe starts from LoRA's adapter, the time of LoRA is not included. It is None for MBR decoding, which trains
    nothing.

    `configs` has the scores by config and measure. `used_measures` took part in training, or in choosing the epoch or
    the answers. `confirmed_share` is the share of the gain in similarity that the other measures confirm, from 0 to 1
    (`eval/analysis/confirmation.py`). It is None for LoRA, and for a recipe without a gain.
    """

    recipe: str
    base: str
    seed: int
    date: str
    recipe_sha256: str
    changed_keys: dict[str, JsonValue]
    corpus_revision: str
    encoders: list[str]
    verifier_sha256: str | None
    sampled_questions: int | None
    model_sha256: str
    lora_sha256: str
    environment: RunEnvironment
    training_minutes: float | None
    configs: dict[str, dict[str, MeasureScore]]
    used_measures: list[str]
    confirmed_share: float | None

    @property
    def is_unconfirmed(self) -> bool:
        """Return whether there is a gain, and other measures confirm less than half of it."""
        return self.confirmed_share is not None and self.confirmed_share < LEAST_CONFIRMED


def read_ledger(path: Path) -> list[LedgerLine]:
    """Return the lines of a ledger; none if there is no file. Raises `InputError` for a line that does not fit."""
    return [line for _, line in read_records(LedgerLine, path, REMEDY)] if path.is_file() else []


def write_ledger(path: Path, lines: Sequence[LedgerLine]) -> None:
    """Write the lines, completely or not at all."""
    write_text(path, "".join(map(to_json_line, lines)))


def read_line_of_run(folder: ModelFolder) -> LedgerLine | None:
    """Return the line in the folder of a training run; None without one, and for a line of another model."""
    if not (folder.path / LINE_FILE).is_file():
        return None
    line = read_format(LedgerLine, folder.path / LINE_FILE, REMEDY)
    return line if line.model_sha256 == folder.fingerprint else None
