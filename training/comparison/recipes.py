"""List the recipes that the ledger compares, and train them on one corpus."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataset_builder.models.folders import METRICS_FILE
from eval.run_metrics import MBR_SAMPLES, TEMPERATURE, AnswerSampling
from training.run.process import run_process
from training.run.recipe import read_recipe_file

LORA, BEST_OF_N, GRPO, MBR = "lora", "best-of-n", "grpo", "mbr"
# By recipe, the stage that trains it, in the order of training and of tables. MBR decoding asks the adapter of LoRA.
STAGES: dict[str, str | None] = {
    "full": "training.sft",
    LORA: "training.sft",
    "neftune": "training.sft",
    "dft": "training.sft",
    BEST_OF_N: "training.sft",
    "dpo": "training.dpo",
    GRPO: "training.align",
    MBR: None,
}
ALIGNED = ("training.dpo", "training.align")
# The default seed of transformers.
DEFAULT_SEED = 42
CONTINUE = "the same command continues there"


@dataclass(frozen=True)
class ComparedRuns:
    """The training runs of a ledger: in the folders `folder`/BASE-NAME, by the recipes `recipes`/BASE-NAME.yaml.

    All are trained on the corpus `dataset` and validated by `encoder`. `seed` None is the recipe's own. `other_keys`
    are words of the command line that override more keys of every recipe.
    """

    folder: Path
    base: str
    recipes: Path
    dataset: str
    encoder: str
    seed: int | None
    other_keys: Sequence[str] = ()

    def recipe_file(self, name: str) -> Path:
        """Return the file of a recipe; for MBR decoding that of LoRA."""
        return self.recipes / f"{self.base}-{LORA if name == MBR else name}.yaml"

    def run_folder(self, name: str) -> Path:
        """Return the folder of a recipe's run; for MBR decoding that of LoRA."""
        return self.folder / f"{self.base}-{LORA if name == MBR else name}"

    def read_recipe(self, name: str) -> dict[str, Any]:
        """Return the keys in the file of a recipe; raises `InputError` for a file that is not a recipe."""
        return read_recipe_file(self.recipe_file(name))

    def seed_of(self, name: str) -> int:
        """Return the seed that a recipe is trained with."""
        return int(self.read_recipe(name).get("seed", DEFAULT_SEED)) if self.seed is None else self.seed

    def mbr_sampling(self) -> AnswerSampling:
        """Return how MBR decoding samples answers: by the default values of `eval run`, with LoRA's seed."""
        return AnswerSampling(samples=MBR_SAMPLES, temperature=TEMPERATURE, seed=self.seed_of(MBR))

    def is_trained(self, name: str) -> bool:
        """Return whether the run of a recipe is finished."""
        return (self.run_folder(name) / METRICS_FILE).is_file()

    def trainings(self, name: str) -> dict[str, tuple[str, list[str]]]:
        """Return, by recipe, the stage and the words for LoRA and the recipe `name`, unless they are trained already.

        Some recipes start from LoRA's adapter.
        """
        found = {}
        for needed in dict.fromkeys((LORA, name)):
            stage = STAGES[needed]
            if stage and not self.is_trained(needed):
                inputs = [f"--{key}={value}" for key, value in self._inputs(needed, stage).items()]
                found[needed] = (stage, ["--config", str(self.recipe_file(needed)), *self.other_keys, *inputs])
        return found

    def train(self, name: str) -> None:
        """Train LoRA and the recipe, unless they are trained already."""
        for needed, (stage, words) in self.trainings(name).items():
            if needed == BEST_OF_N:
                self._sample_answers()
            run_process([stage, *words], f"{needed}: training stopped, see the message above; {CONTINUE}")

    def _inputs(self, name: str, stage: str) -> dict[str, object]:
        """Return the keys that say what a recipe is trained on, and where it is saved."""
        keys = self.read_recipe(name)
        inputs: dict[str, object] = {
            "dataset": self.dataset,
            "encoder": self.encoder,
            "output_dir": self.run_folder(name),
            "seed": self.seed_of(name),
        }
        if name == BEST_OF_N:
            inputs["dataset"] = self._samples_folder()
        if stage in ALIGNED:
            inputs["model_name_or_path"] = self.run_folder(LORA)
        if "preferences" in keys:
            inputs["preferences"] = self.folder / Path(str(keys["preferences"])).name
        return inputs

    def _samples_folder(self) -> Path:
        return self.folder / Path(str(self.read_recipe(BEST_OF_N)["dataset"])).name

    def _sample_answers(self) -> None:
        """Write the corpus of the best of LoRA's sampled answers, if it is not finished."""
        out = self._samples_folder()
        words = ["--model", self.run_folder(LORA), "--dataset", self.dataset, "--out", out, "--encoder", self.encoder]
        command = ["training.best_of_n", *words, "--seed", self.seed_of(BEST_OF_N)]
        run_process(command, f"{out}: sampling stopped, see the message above; {CONTINUE}")
