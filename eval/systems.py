"""Define the systems that are evaluated: a model with a prompt and a decoding."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, cast

from dataset_builder.errors import InputError
from eval.models import EncoderFolder, ModelFolder, find_model
from eval.run_metrics import AnswerSampling, RunMetrics

Prompt = Literal["plain"]
PROMPTS: tuple[Prompt, ...] = ("plain",)
DECODINGS = ("greedy", "mbr")
FORM = f"NAME=MODEL[,prompt={'|'.join(PROMPTS)}][,decoding={'|'.join(DECODINGS)}]"
# A folder's name may contain a comma: only a comma before KEY= begins an option.
OPTION = re.compile(r",(?=\w+=)")
NAME = re.compile(r"\w[\w-]*")


@dataclass(frozen=True)
class MBRDecoding:
    """Minimum Bayes risk decoding: the samples to draw, and the encoder that chooses among them."""

    sampling: AnswerSampling
    encoder: EncoderFolder


@dataclass(frozen=True)
class System:
    """A system to evaluate, by the `name` that tables give it. `decoding` None means greedy decoding."""

    name: str
    model: ModelFolder
    prompt: Prompt = "plain"
    decoding: MBRDecoding | None = None

    @cached_property
    def fingerprint(self) -> str:
        """Return the SHA-256 over what decides the answers: the model's files, the prompt and the decoding."""
        parts = [self.model.fingerprint, self.prompt]
        if self.decoding:
            parts += [self.decoding.sampling.model_dump_json(), self.decoding.encoder.fingerprint]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def training_metrics(systems: Sequence[System]) -> dict[str, RunMetrics]:
    """Return the metrics of the training runs by system, for the models that this project trained."""
    return {system.name: metrics for system in systems if (metrics := system.model.metrics())}


def parse_systems(words: Sequence[str], mbr: MBRDecoding) -> list[System]:
    """Return the systems that words of the form `FORM` describe; `decoding=mbr` means `mbr`.

    Raises `InputError` for a word of another form, an unknown option, a name that cannot be part of a file name, a
    name given twice, and a model that cannot be found.
    """
    systems: dict[str, System] = {}
    for word in words:
        name, equals, rest = word.partition("=")
        model, *options = OPTION.split(rest)
        if not equals or not model or not NAME.fullmatch(name):
            raise InputError(
                f"--models {word}: must be {FORM}; the name has letters, digits, - and _ (lora=runs/lora)"
            )
        if name in systems:
            raise InputError(f"--models {word}: the name {name!r} is given twice; give each system its own")
        settings = _parse_options(word, options)
        systems[name] = System(
            name=name,
            model=find_model(name, model),
            prompt=cast(Prompt, settings.get("prompt", "plain")),
            decoding=mbr if settings.get("decoding") == "mbr" else None,
        )
    return list(systems.values())


def _parse_options(word: str, options: list[str]) -> dict[str, str]:
    allowed = {"prompt": PROMPTS, "decoding": DECODINGS}
    settings: dict[str, str] = {}
    for option in options:
        key, _, value = option.partition("=")
        if key not in allowed or key in settings:
            raise InputError(f"--models {word}: {option!r} is unknown or given twice; the form is {FORM}")
        if value not in allowed[key]:
            raise InputError(f"--models {word}: {key} must be {' or '.join(allowed[key])}, not {value!r}")
        settings[key] = value
    return settings
