"""Publish the page as a Space on the Hub, for models that are on the Hub.

python -m eval push-demo --repo-id ORG/isca-qa-demo --dataset ORG/isca-qa --dry-run
"""

import argparse
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement

from dataset_builder.errors import InputError
from dataset_builder.hub.card_merge import render_card
from dataset_builder.hub.changes import Push, print_pushed
from dataset_builder.hub.errors import translate_hub_errors
from dataset_builder.hub.ids import HUB_ID, split_revision
from dataset_builder.hub.push import add_push_arguments, check_repo_id, push
from dataset_builder.models.packaged import DEFAULT_ENCODER
from dataset_builder.templates import render
from eval.demo.serve import models_of_page

TEMPLATES = Path(__file__).parent / "templates"
# The packages whose source files the Space gets, and the folder of the corpus that it does not need.
ROOT, PACKAGES, OPEN_CORPUS = Path(__file__).parents[2], ("dataset_builder", "eval"), "open_corpus"
# The names of `model_cards publish` in docs/publishing.md; {org} is the namespace of the Space.
DEFAULT_MODELS = (
    "baseline=HuggingFaceTB/SmolLM2-135M-Instruct,prompt=chat",
    "full={org}/smollm2-isca-qa-full",
    "lora={org}/smollm2-isca-qa-lora",
)


@dataclass(frozen=True)
class DemoSettings:
    """What the Space shows: `models` as of `eval demo`, a corpus and an encoder.

    Each is named by its Hub id, or by ORG/NAME@REVISION.
    """

    models: tuple[str, ...]
    dataset: str | None
    encoder: str = DEFAULT_ENCODER

    @property
    def named_models(self) -> list[str]:
        """Return the models that answer, and the encoder, without options and with their revisions, each once."""
        return list(dict.fromkeys([*models_of_page(self.models), self.encoder]))


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `eval push-demo`."""
    models_help = (
        "models on the Hub, as for `eval demo`; ORG/NAME@REVISION names a commit or tag, here and below; default: "
        "SmolLM2-135M-Instruct by its chat template, and ORG/smollm2-isca-qa-full and -lora of the same ORG"
    )
    command.add_argument("--models", nargs="+", metavar="NAME=MODEL", help=models_help)
    dataset_help = "corpus on the Hub, published with its abstracts; default: none, people paste abstracts"
    command.add_argument("--dataset", metavar="ORG/NAME", help=dataset_help)
    encoder_help = "sentence encoder on the Hub, for cited sentences; default: %(default)s"
    command.add_argument("--encoder", default=DEFAULT_ENCODER, metavar="ORG/NAME", help=encoder_help)
    add_push_arguments(command)


def run_command(arguments: argparse.Namespace) -> None:
    """Push the Space and print what was pushed."""
    check_repo_id(arguments.repo_id)
    organisation = arguments.repo_id.partition("/")[0]
    models = arguments.models or [word.format(org=organisation) for word in DEFAULT_MODELS]
    settings = DemoSettings(tuple(models), arguments.dataset, arguments.encoder)
    content = demo_content(arguments.repo_id, settings)
    _check_published(settings)
    print_pushed(push(content, arguments.private, arguments.tag, arguments.dry_run), arguments.dry_run)


def demo_content(repo_id: str, settings: DemoSettings) -> Push:
    """Return the content of the Space: app, source files of this project, requirements and card.

    Raises `InputError` for a model or corpus that is not given by its Hub id.
    """
    for name in [*settings.named_models, *([settings.dataset] if settings.dataset else [])]:
        if not HUB_ID.fullmatch(split_revision(name)[0]):
            options = "--models, --dataset or --encoder"
            raise InputError(f"{options}: {name!r} is not a Hub id; a Space needs NAMESPACE/NAME")
    texts = {
        "app.py": render(TEMPLATES / "app.py.j2", settings=settings),
        "requirements.txt": render(TEMPLATES / "requirements.txt.j2", pins=pinned_requirements()),
    }
    files: dict[str, Path | bytes] = {**source_files(), **{name: text.encode() for name, text in texts.items()}}
    return Push(repo_id, "space", _card(repo_id, settings), files, "Push the demo", space_sdk="gradio")


def source_files() -> dict[str, Path]:
    """Return the source files that the page needs, by their path in the Space."""
    return {
        path.relative_to(ROOT).as_posix(): path
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*"))
        # The Hub takes no empty file, such as py.typed.
        if path.is_file()
        and path.stat().st_size
        and not {"__pycache__", OPEN_CORPUS} & set(path.relative_to(ROOT).parts)
    }


def pinned_requirements() -> list[str]:
    """Return the packages that this project needs for the page, at their installed versions.

    Raises `InputError` if the project is not installed with the packages of the page.
    """
    try:
        needed = [Requirement(line) for line in requires("isca-qa") or []]
        names = {one.name for one in needed if one.marker is None or one.marker.evaluate({"extra": "demo"})}
        # Without the part after "+", which names a build such as that of torch for a CPU.
        return sorted(f"{name}=={version(name).partition('+')[0]}" for name in names)
    except PackageNotFoundError as error:
        raise InputError(f"{error.name} is not installed; run `make setup`, or pip install -e '.[demo]'") from error


def _card(repo_id: str, settings: DemoSettings) -> str:
    """Return the card, whose keys are those of https://huggingface.co/docs/hub/spaces-config-reference."""
    models = dict.fromkeys(split_revision(name)[0] for name in settings.named_models)
    metadata = {
        "title": "ISCA-QA",
        "emoji": "🔎",
        "colorFrom": "blue",
        "colorTo": "green",
        "sdk": "gradio",
        "sdk_version": version("gradio"),
        "python_version": "3.11",
        "app_file": "app.py",
        "pinned": False,
        "license": "apache-2.0",
        "short_description": "Questions about the abstracts of papers",
        "models": list(models),
        **({"datasets": [split_revision(settings.dataset)[0]]} if settings.dataset else {}),
    }
    return render_card(metadata, render(TEMPLATES / "space.md.j2", settings=settings, repo_id=repo_id))


def _check_published(settings: DemoSettings) -> None:
    """Raise `InputError` for a model or corpus that the Hub does not have: the Space could not start."""
    from huggingface_hub import HfApi

    for name in settings.named_models:
        model, revision = split_revision(name)
        with translate_hub_errors(name, "model", always=True):
            HfApi().model_info(model, revision=revision)
    if settings.dataset:
        dataset, revision = split_revision(settings.dataset)
        with translate_hub_errors(settings.dataset, "dataset", always=True):
            HfApi().dataset_info(dataset, revision=revision)
