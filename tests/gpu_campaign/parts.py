"""List the parts of the campaign: the commands that measure what RESULTS.md names as not measured on a GPU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from training.comparison.recipes import MBR, STAGES

BASE = "smollm2"
CONFIGS = ("plain", "detailed")
METHODS = ("full", "lora")
# The learning rates that docs/gpu.md searches.
LEARNING_RATES = {"full": ("5e-5", "1e-4", "2e-4"), "lora": ("5e-4", "1e-3", "2e-3")}
PROCESSES = 2
LAUNCH = ("-m", "accelerate.commands.launch")
SEVERAL_GPUS = ("--config_file", "accelerate_config.yaml", "--multi_gpu", "--num_processes", PROCESSES)
FSDP = (
    *("--use_fsdp", "--fsdp_version", 2, "--fsdp_auto_wrap_policy", "TRANSFORMER_BASED_WRAP"),
    *("--fsdp_state_dict_type", "FULL_STATE_DICT", "--num_processes", PROCESSES),
)
# GRPO may take more than a call for a tenth of its steps, after which its recipe saves.
GRPO_SAVES = {"save_steps": 0.02}
# At the rates of the recipes, the model of a dry run learns in two steps to say nothing, which the evaluation refuses.
TINY_RATE = 1e-6
# What a dry run changes in every training.
TWO_STEPS = {"max_steps": 2, "save_steps": 0.5, "validation_questions": 2, "learning_rate": TINY_RATE}


@dataclass(frozen=True)
class Part:
    """A command of the campaign, `python WORDS`, which the same words continue if it was stopped.

    `runs` is a folder with the training runs whose metrics are figures of the part. `needs` names the parts that must
    be finished before. `processes` is the number of GPUs.
    """

    name: str
    words: tuple[str, ...]
    runs: Path | None = None
    needs: tuple[str, ...] = ()
    processes: int = 1
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def command(self) -> str:
        """Return the command as text."""
        return f"python {' '.join(self.words)}"


@dataclass(frozen=True)
class Campaign:
    """The inputs of the campaign and its folder `out`.

    The first of the `encoders` gives the main score. `batch_size` is the number of papers in a step of the parts that
    choose it for a GPU. A dry run takes two steps of one paper, and few questions. Without a GPU, FSDP needs the help
    of the tests.
    """

    out: Path
    model: Path
    encoders: tuple[Path, Path]
    dataset: str
    batch_size: int = 24
    is_dry: bool = False
    has_gpu: bool = True

    def parts(self) -> list[Part]:
        """Return all parts in the order in which they run."""
        return [
            *self._benchmarks(),
            *(self._speed(method, method, {}) for method in METHODS),
            self._speed("lora-bfloat16", "lora", {"dtype": "bfloat16"}),
            *(self._seeds(method) for method in METHODS),
            self._answers_of_seeds(),
            *(self._sweep(method) for method in METHODS),
            *(self._ledger(recipe) for recipe in STAGES),
            *self._several_processes(),
        ]

    @property
    def _seed_numbers(self) -> Sequence[int]:
        return (0, 1) if self.is_dry else (0, 1, 2)

    @property
    def _few_questions(self) -> tuple[object, ...]:
        return ("--questions", 2) if self.is_dry else ()

    def _benchmarks(self) -> list[Part]:
        inputs = ("--model", self.model, "--dataset", self.dataset)
        steps, batch_size, alone = (2, 1, 2) if self.is_dry else (10, self.batch_size, 24)
        papers = ("--papers", steps * batch_size, "--batch-size", batch_size)
        training = ("-m", "tests.bench_train", *inputs, *papers)
        questions = (*self._few_questions, "--alone", alone, "--allow-differences")
        answers = ("-m", "tests.bench_eval", *inputs, "--configs", *CONFIGS, *questions)
        return [
            part("train-speed", training),
            part("train-speed-compiled", (*training, "--compile")),
            part("answer-speed", answers),
        ]

    def _speed(self, name: str, method: str, keys: Mapping[str, object]) -> Part:
        """Train without validation and without compiling, so that the steps are the same in every comparison."""
        runs = self.out / "speed" / name
        words = self._training(method, {"validation_questions": 0, **keys, **self._batch(1)}, runs)
        return part(f"{name}-speed", ("-m", *words), runs=runs)

    def _seeds(self, method: str) -> Part:
        runs = self.out / "seeds" / method
        seeds = ("--seeds", *self._seed_numbers)
        words = ("-m", "training.sweep", "--config", recipe_file(method), *seeds, "--out", runs, *self._sweep_keys())
        return part(f"{method}-seeds", words, runs=runs)

    def _answers_of_seeds(self) -> Part:
        runs = self.out / "seeds"
        models = [
            f"{method}-{seed}={runs / method / f'seed-{seed}'}" for method in METHODS for seed in self._seed_numbers
        ]
        words = ("-m", *self._evaluation(models, runs / "eval"))
        return part("answers-of-seeds", words, needs=tuple(f"{method}-seeds" for method in METHODS))

    def _sweep(self, method: str) -> Part:
        runs = self.out / "sweep" / method
        rates = (TINY_RATE,) if self.is_dry else LEARNING_RATES[method]
        seeds = self._seed_numbers[:1] if self.is_dry else self._seed_numbers
        # Compiling takes longer than two steps, and a dry run compiles in `train-speed-compiled`.
        keys = self._sweep_keys(**self._batch(1), torch_compile=str(not self.is_dry).lower())
        words = ("-m", "training.sweep", "--config", recipe_file(method), "--learning-rates", *rates)
        words = (*words, "--seeds", *seeds, "--out", runs, *keys)
        return part(f"{method}-sweep", words, runs=runs)

    def _ledger(self, recipe: str) -> Part:
        """Train and score a recipe as it is. The ledger of the campaign is a file of its own."""
        folder = self.out / "ledger"
        keys: dict[str, object] = {"model_name_or_path": self.model}
        if self.is_dry:
            keys |= {**TWO_STEPS, "gradient_accumulation_steps": 1}
        elif recipe == "grpo":
            keys |= GRPO_SAVES
        words = ("-m", "training.ledger", "--recipes", recipe, "--base", BASE, "--runs", folder)
        words = (*words, "--dataset", self.dataset, "--configs", *CONFIGS, "--encoders", *self.encoders)
        words = (*words, *self._few_questions, "--out", folder / "ledger.jsonl", *key_words(keys))
        runs = None if recipe == MBR else folder / f"{BASE}-{recipe}"
        return part(f"ledger-{recipe}", words, runs=runs)

    def _several_processes(self) -> list[Part]:
        folder = self.out / "two-processes"
        keys = {"validation_questions": 0, **self._batch(PROCESSES)}
        lora = self._training("lora", keys, folder / "lora")
        answers = self._evaluation([f"baseline={self.model}"], folder / "eval")
        full = self._training("full", keys, folder / "full")
        environment = {}
        if not self.has_gpu:
            full = ("tests.training.fsdp_on_cpu", *full[1:], "--use_cpu", "false", "--bf16", "false")
            environment = {"ACCELERATE_TORCH_DEVICE": "cpu"}
        return [
            part("two-processes", (*LAUNCH, *SEVERAL_GPUS, "-m", *lora), runs=folder / "lora", processes=PROCESSES),
            part("two-processes-answers", (*LAUNCH, *SEVERAL_GPUS, "-m", *answers), processes=PROCESSES),
            part(
                "two-processes-fsdp",
                (*LAUNCH, *FSDP, "-m", *full),
                runs=folder / "full",
                processes=PROCESSES,
                environment=environment,
            ),
        ]

    def _training(self, method: str, keys: Mapping[str, object], out: Path) -> tuple[object, ...]:
        words = key_words({**self._keys(), **keys, "output_dir": out})
        return ("training.sft", "--config", recipe_file(method), *words)

    def _evaluation(self, models: Sequence[str], out: Path) -> tuple[object, ...]:
        inputs = ("--dataset", self.dataset, "--configs", *CONFIGS, "--encoders", *self.encoders)
        return ("eval", "run", *inputs, "--models", *models, "--out", out, *self._few_questions)

    def _keys(self, **keys: object) -> dict[str, object]:
        """Return the recipe keys that name the inputs, those of a dry run, and `keys`."""
        inputs = {"model_name_or_path": self.model, "dataset": self.dataset, "encoder": self.encoders[0]}
        return {**inputs, **(TWO_STEPS if self.is_dry else {}), **keys}

    def _sweep_keys(self, **keys: object) -> tuple[object, ...]:
        """Return the words of the recipe keys of a sweep, which sets the learning rate itself."""
        return key_words({key: value for key, value in self._keys(**keys).items() if key != "learning_rate"})

    def _batch(self, processes: int) -> dict[str, object]:
        """Return the key of the batch of a process. The processes share the rows of a step."""
        return {"per_device_train_batch_size": 1 if self.is_dry else self.batch_size // processes}


def part(
    name: str,
    words: Sequence[object],
    *,
    runs: Path | None = None,
    needs: tuple[str, ...] = (),
    processes: int = 1,
    environment: Mapping[str, str] | None = None,
) -> Part:
    """Return a part whose words are texts."""
    return Part(name, tuple(map(str, words)), runs, needs, processes, environment or {})


def recipe_file(method: str) -> str:
    """Return the recipe of a method of training."""
    return f"training/recipes/{BASE}-{method}.yaml"


def key_words(keys: Mapping[str, object]) -> tuple[object, ...]:
    """Return the words of the command line for recipe keys."""
    return tuple(word for key, value in keys.items() for word in (f"--{key}", value))
