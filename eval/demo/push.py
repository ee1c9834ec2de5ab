"""Publish the page as a Space on the Hub, for models that are on the Hub.

python -m eval push-demo --repo-id ORG/isca-qa-demo --dataset ORG/isca-qa --dry-run
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.errors import InputError
from dataset_builder.hub.card_checks import check_card
from dataset_builder.hub.card_merge import render_card
from dataset_builder.hub.changes import Push, print_pushed
from dataset_builder.hub.errors import translate_hub_errors
from dataset_builder.hub.ids import HUB_ID, split_revision
from dataset_builder.hub.push import add_push_arguments, check_repo_id, push
from dataset_builder.models.packaged import DEFAULT_ENCODER
from dataset_builder.templates import render
from eval.demo.wheel import build_wheel, pinned_requirements
from eval.demo.words import models_of_page

TEMPLATES = Path(__file__).parent / "templates"
# The names of `model_cards publish` in docs/publishing.md; {org} is the namespace of the Space.
DEFAULT_MODELS = (
    "baseline=HuggingFaceTB/SmolLM2-135M-Instruct,prompt=chat",
    "full={org}/smollm2-isca-qa-full",
    "lora={org}/smollm2-isca-qa-lora",
)


@dataclass(frozen=True)
class DemoSettings:
    """What the Space shows: `models` as of `eval demo`, a corpus, a verifier and an encoder.

    Each is named by its Hub id, or by ORG/NAME@REVISION.
    """

    models: tuple[str, ...]
    dataset: str | None
    verifier: str | None
    encoder: str = DEFAULT_ENCODER

    @property
    def named_models(self) -> list[str]:
        """Return the models that answer, and the verifier, without options and with their revisions, each once."""
        return list(dict.fromkeys([*models_of_page(self.models), *([self.verifier] if self.verifier else [])]))


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `eval push-demo`."""
    models_help = (
        "models on the Hub, as for `eval demo`; ORG/NAME@REVISION names a commit or tag, here and below; default: "
        "SmolLM2-135M-Instruct by its chat template, and ORG/smollm2-isca-qa-full and -lora of the same ORG"
    )
    command.add_argument("--models", nargs="+", metavar="NAME=MODEL", help=models_help)
    dataset_help = "corpus on the Hub, published with its abstracts; default: none, people paste abstracts"
    command.add_argument("--dataset", metavar="ORG/NAME", help=dataset_help)
    verifier_help = "verifier on the Hub, which scores the answers; default: none"
    command.add_argument("--verifier", metavar="ORG/NAME", help=verifier_help)
    encoder_help = (
        "sentence encoder on the Hub, by which the thresholds of the models were chosen; default: %(default)s"
    )
    command.add_argument("--encoder", default=DEFAULT_ENCODER, metavar="ORG/NAME", help=encoder_help)
    add_push_arguments(command)


def run_command(arguments: argparse.Namespace) -> None:
    """Push the Space and print what was pushed."""
    check_repo_id(arguments.repo_id)
    organisation = arguments.repo_id.partition("/")[0]
    models = arguments.models or [word.format(org=organisation) for word in DEFAULT_MODELS]
    settings = DemoSettings(tuple(models), arguments.dataset, arguments.verifier, arguments.encoder)
    content = demo_content(arguments.repo_id, settings)
    _check_published(settings)
    print_pushed(push(content, arguments.private, arguments.tag, arguments.dry_run), arguments.dry_run)


def demo_content(repo_id: str, settings: DemoSettings) -> Push:
    """Return the content of the Space: app, wheel of this project, pinned requirements and card.

    Raises `InputError` for a model or corpus that is not given by its Hub id, and if the wheel cannot be built.
    """
    for name in [*settings.named_models, settings.encoder, *([settings.dataset] if settings.dataset else [])]:
        if not HUB_ID.fullmatch(split_revision(name)[0]):
            options = "--models, --dataset, --encoder or --verifier"
            raise InputError(f"{options}: {name!r} is not a Hub id; a Space needs NAMESPACE/NAME")
    (wheel_name, wheel), pins = build_wheel(), pinned_requirements()
    gradio = next(line.partition("==")[2] for line in pins if line.startswith("gradio=="))
    texts = {
        "app.py": render(TEMPLATES / "app.py.j2", settings=settings),
        "requirements.txt": render(TEMPLATES / "requirements.txt.j2", pins=pins),
    }
    card = _card(repo_id, settings, gradio)
    check_card(card, f"the card of {repo_id}")
    files: dict[str, Path | bytes] = {wheel_name: wheel, **{name: text.encode() for name, text in texts.items()}}
    return Push(repo_id, "space", card, files, "Push the demo", space_sdk="gradio")


def _card(repo_id: str, settings: DemoSettings, gradio: str) -> str:
    """Return the card, whose keys are those of https://huggingface.co/docs/hub/spaces-config-reference."""
    models = dict.fromkeys(split_revision(name)[0] for name in [*settings.named_models, settings.encoder])
    metadata = {
        "title": "ISCA-QA",
        "emoji": "🔎",
        "colorFrom": "blue",
        "colorTo": "green",
        "sdk": "gradio",
        "sdk_version": gradio,
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

    for name in [*settings.named_models, settings.encoder]:
        model, revision = split_revision(name)
        with translate_hub_errors(name, "model", always=True):
            HfApi().model_info(model, revision=revision)
    if settings.dataset:
        dataset, revision = split_revision(settings.dataset)
        with translate_hub_errors(settings.dataset, "dataset", always=True):
            HfApi().dataset_info(dataset, revision=revision)
