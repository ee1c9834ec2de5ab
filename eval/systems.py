"""Define the systems that are evaluated: a model with a prompt and a decoding."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, cast, get_args

from dataset_builder.corpus.questions import CorpusQuestion
from dataset_builder.errors import InputError
from dataset_builder.files import sha256_of_text
from dataset_builder.model_folders import EncoderFolder, ModelFolder, find_model
from eval.prompting import FORMS, PLAIN, Prompt, PromptForm, example_text, read_chat_template
from eval.run_metrics import AnswerSampling, read_metrics_of_model

SystemRole = Literal["baseline", "trained", "closed-book"]
DecodingMethod = Literal["greedy", "guarded", "mbr"]
DECODINGS: tuple[DecodingMethod, ...] = get_args(DecodingMethod)
# The values of each option; the first is the default.
OPTIONS: dict[str, tuple[str, ...]] = {"prompt": FORMS, "decoding": DECODINGS}
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
    """A system to evaluate, by the `name` that tables give it.

    `decoding` None means greedy decoding, with the number guard if `is_guarded`.
    """

    name: str
    model: ModelFolder
    prompt: Prompt = PLAIN
    decoding: MBRDecoding | None = None
    is_guarded: bool = False

    @cached_property
    def fingerprint(self) -> str:
        """Return the SHA-256 over what decides the answers: the model's files, the prompt and the decoding."""
        parts = [self.model.fingerprint, self.prompt.form, *map(example_text, self.prompt.examples)]
        if self.prompt.form == "chat":
            parts.append(read_chat_template(self.model))
        if self.decoding:
            parts += [self.decoding.sampling.model_dump_json(), self.decoding.encoder.fingerprint]
        if self.is_guarded:
            parts.append("guarded")
        return sha256_of_text("\n".join(parts))

    @property
    def method(self) -> DecodingMethod:
        """Return the name of the decoding."""
        if self.decoding:
            return "mbr"
        return "guarded" if self.is_guarded else "greedy"

    @property
    def role(self) -> SystemRole:
        """Return whether this is a baseline, a trained system, or one that does not see the abstract."""
        if self.prompt.form == "closed-book":
            return "closed-book"
        return "trained" if read_metrics_of_model(self.model) else "baseline"

    def with_examples(self, examples: tuple[CorpusQuestion, ...]) -> "System":
        """Return this system with the examples of its prompt, if this is a few-shot prompt."""
        is_few_shot = self.prompt.form == "few-shot"
        return replace(self, prompt=replace(self.prompt, examples=examples)) if is_few_shot else self


def parse_systems(words: Sequence[str], mbr: MBRDecoding | None, default: DecodingMethod = "greedy") -> list[System]:
    """Return the systems that words of the form `FORM` describe; `decoding=mbr` means `mbr`.

    A word without `decoding=` gets the decoding `default`.

    Raises `InputError` for a word of another form, an unknown option, a name that cannot be part of a file name, a
    name given twice, a model that cannot be found, a chat prompt for a model without a chat template, and
    `decoding=mbr` where `mbr` is None.
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
        folder = find_model(name, model)
        prompt = Prompt(cast(PromptForm, settings.get("prompt", PLAIN.form)))
        if prompt.form == "chat":
            read_chat_template(folder)
        decoding = settings.get("decoding", default)
        if decoding == "mbr" and mbr is None:
            raise InputError(f"--models {word}: decoding=mbr is not available here; use greedy or guarded")
        systems[name] = System(name, folder, prompt, mbr if decoding == "mbr" else None, decoding == "guarded")
    return list(systems.values())
