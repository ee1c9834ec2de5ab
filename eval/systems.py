"""Define the systems that are evaluated: a model with a prompt and a decoding."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from dataset_builder.errors import InputError
from dataset_builder.files import sha256_of_text
from eval.models import EncoderFolder, ModelFolder, find_model
from eval.run_metrics import AnswerSampling

# The values of each option. "plain" is the only prompt.
OPTIONS = {"prompt": ("plain",), "decoding": ("greedy", "mbr")}
FORM = "NAME=MODEL" + "".join(f"[,{option}={'|'.join(values)}]" for option, values in OPTIONS.items())
# A folder's name may contain a comma: only a comma before KEY= begins an option.
OPTION_START = re.compile(r",(?=\w+=)")
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
    prompt: Literal["plain"] = "plain"
    decoding: MBRDecoding | None = None

    @cached_property
    def fingerprint(self) -> str:
        """Return the SHA-256 over what decides the answers: the model's files, the prompt and the decoding."""
        parts = [self.model.fingerprint, self.prompt]
        if self.decoding:
            parts += [self.decoding.sampling.model_dump_json(), self.decoding.encoder.fingerprint]
        return sha256_of_text("\n".join(parts))


def parse_systems(words: Sequence[str], mbr: MBRDecoding) -> list[System]:
    """Return the systems that words of the form `FORM` describe; `decoding=mbr` means `mbr`.

    Raises `InputError` for a word of another form, an unknown option, a name that cannot be part of a file name, a
    name given twice, and a model that cannot be found.
    """
    systems: dict[str, System] = {}
    for word in words:
        name, equals, rest = word.partition("=")
        model, *options = OPTION_START.split(rest)
        if not equals or not model or not NAME.fullmatch(name):
            raise InputError(f"--models {word}: must be {FORM}; NAME has only letters, digits, - and _")
        if name in systems:
            raise InputError(f"--models {word}: the name {name!r} is given twice; give each system its own")
        settings: dict[str, str] = {}
        for option in options:
            key, _, value = option.partition("=")
            if key not in OPTIONS or key in settings:
                raise InputError(f"--models {word}: {option!r} is unknown or given twice; the form is {FORM}")
            if value not in OPTIONS[key]:
                raise InputError(f"--models {word}: {key} must be {' or '.join(OPTIONS[key])}, not {value!r}")
            settings[key] = value
        decoding = mbr if settings.get("decoding") == "mbr" else None
        systems[name] = System(name, find_model(name, model), decoding=decoding)
    return list(systems.values())
