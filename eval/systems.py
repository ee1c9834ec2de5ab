"""Define the systems that are evaluated: a model with a prompt and a decoding."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, cast, get_args

from dataset_builder.corpus.questions import CorpusQuestion
from dataset_builder.errors import InputError
from dataset_builder.files import sha256_of_text
from dataset_builder.models.folders import ModelFolder, find_model
from dataset_builder.server.settings import ServerOptions
from eval.prompting import FORMS, PLAIN, Prompt, PromptForm, example_text, read_chat_template
from eval.run_metrics import read_metrics_of_model
from eval.served_model import PREFIX, SERVED_FORM, ServedModel, find_served_model

SystemRole = Literal["baseline", "trained", "closed-book", "served"]
DecodingMethod = Literal["greedy", "guarded"]
DECODINGS: tuple[DecodingMethod, ...] = get_args(DecodingMethod)
# The values of each option; the first is the default.
OPTIONS: dict[str, tuple[str, ...]] = {"prompt": FORMS, "decoding": DECODINGS}
FORM = "NAME=MODEL" + "".join(f"[,{option}={'|'.join(values)}]" for option, values in OPTIONS.items())
# The prompts that need neither the tokenizer of a model nor its context size; the first is the default.
SERVED_PROMPTS: tuple[PromptForm, ...] = ("chat", "plain")
# A folder's name may contain a comma: only a comma before KEY= begins an option.
OPTION_START = re.compile(r",(?=\w+=)")
NAME = re.compile(r"\w[\w-]*")


@dataclass(frozen=True)
class System:
    """A system to evaluate, by the `name` that tables give it. Guarded decoding is greedy with the number guard."""

    name: str
    model: ModelFolder | ServedModel
    prompt: Prompt = PLAIN
    decoding: DecodingMethod = "greedy"

    @cached_property
    def fingerprint(self) -> str:
        """Return the SHA-256 over what decides the answers: the model's files, the prompt and the decoding.

        Of a model behind a server only its address and name are known.
        """
        parts = [self.model.fingerprint, self.prompt.form, *map(example_text, self.prompt.examples)]
        if self.prompt.form == "chat" and isinstance(self.model, ModelFolder):
            parts.append(read_chat_template(self.model))
        if self.decoding != "greedy":
            parts.append(self.decoding)
        return sha256_of_text("\n".join(parts))

    @property
    def role(self) -> SystemRole:
        """Return the role of this system in comparisons; see `SystemScores`."""
        if isinstance(self.model, ServedModel):
            return "served"
        if self.prompt.form == "closed-book":
            return "closed-book"
        return "trained" if read_metrics_of_model(self.model) else "baseline"

    def with_examples(self, examples: tuple[CorpusQuestion, ...]) -> "System":
        """Return this system with the examples of its prompt, if this is a few-shot prompt."""
        is_few_shot = self.prompt.form == "few-shot"
        return replace(self, prompt=replace(self.prompt, examples=examples)) if is_few_shot else self


def parse_systems(
    words: Sequence[str], default: DecodingMethod = "greedy", server: ServerOptions | None = None
) -> list[System]:
    """Return the systems that words of the form `FORM` describe.

    A word without `decoding=` gets the decoding `default`. `server` has the options of systems behind a server.

    Raises `InputError` for a word of another form, an unknown option, a name that cannot be part of a file name, a
    name given twice, a model that cannot be found, a chat prompt for a model without a chat template, a prompt or a
    decoding that a server does not have, and options of a server that fit none or several.
    """
    server = server or ServerOptions()
    systems: dict[str, System] = {}
    for word, (name, model, settings) in zip(words, parse_words(words), strict=True):
        decoding = cast(DecodingMethod, settings.get("decoding", default))
        if model.startswith(PREFIX):
            form = cast(PromptForm, settings.get("prompt", SERVED_PROMPTS[0]))
            _check_served(f"--models {word}", form, decoding)
            systems[name] = System(name, find_served_model(name, model, server), Prompt(form))
            continue
        folder = find_model(name, model)
        prompt = Prompt(cast(PromptForm, settings.get("prompt", PLAIN.form)))
        if prompt.form == "chat":
            read_chat_template(folder)
        systems[name] = System(name, folder, prompt, decoding)
    _check_server_options(server, list(systems.values()))
    return list(systems.values())


def parse_words(words: Sequence[str]) -> list[tuple[str, str, dict[str, str]]]:
    """Return the name, the model and the options of each word, without looking for the model.

    Raises `InputError` for a word of another form, an unknown option, and a name that is wrong or given twice.
    """
    parsed: dict[str, tuple[str, str, dict[str, str]]] = {}
    for word in words:
        name, equals, rest = word.partition("=")
        model, *options = OPTION_START.split(rest)
        if not equals or not model or not NAME.fullmatch(name):
            raise InputError(f"--models {word}: must be {FORM}; NAME has only letters, digits, - and _")
        if name in parsed:
            raise InputError(f"--models {word}: the name {name!r} is given twice; give each system its own")
        parsed[name] = name, model, _read_settings(word, options)
    return list(parsed.values())


def _read_settings(word: str, options: Sequence[str]) -> dict[str, str]:
    """Return the values of a word's options by key; raises `InputError` for an unknown option or value."""
    settings: dict[str, str] = {}
    for option in options:
        key, _, value = option.partition("=")
        if key not in OPTIONS or key in settings:
            raise InputError(f"--models {word}: {option!r} is unknown or given twice; the form is {FORM}")
        if value not in OPTIONS[key]:
            raise InputError(f"--models {word}: {key} must be {' or '.join(OPTIONS[key])}, not {value!r}")
        settings[key] = value
    return settings


def _check_served(source: str, form: PromptForm, decoding: str) -> None:
    if form not in SERVED_PROMPTS:
        raise InputError(f"{source}: prompt={form} needs a model in this process; use prompt=chat or prompt=plain")
    if decoding != "greedy":
        raise InputError(f"{source}: decoding={decoding} needs a model in this process; add ,decoding=greedy to it")


def _check_server_options(options: ServerOptions, systems: Sequence[System]) -> None:
    urls = {system.model.server.url for system in systems if isinstance(system.model, ServedModel)}
    if options.given() and not urls:
        option, value = next(iter(options.given().items()))
        remedy = f"add NAME={SERVED_FORM} to --models, or leave the option out"
        raise InputError(f"{option} {value}: needs a system behind a server; {remedy}")
    if options.token_variable and len(urls) > 1:
        raise InputError(
            f"--token-variable {options.token_variable}: is for one server, and --models has {len(urls)}; run the "
            "command for each server into the same --out, then with all systems and without this option"
        )
