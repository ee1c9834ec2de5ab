"""Open a web page where people ask models about abstracts, and see the sentences nearest to the answers.

python -m eval demo --models baseline=data/models/smollm2 full=runs/smollm2-full lora=runs/smollm2-lora
"""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console

from dataset_builder.errors import InputError
from dataset_builder.models.folders import ModelFolder, find_encoder
from dataset_builder.models.packaged import default_encoder
from dataset_builder.verification.load import find_verifier
from eval.asking.abstention import find_threshold
from eval.demo.papers import DemoPapers, read_papers
from eval.demo.words import models_of_page
from eval.systems import System, parse_systems

if TYPE_CHECKING:
    import gradio

    from eval.demo.models import DemoModels


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `eval demo`."""
    add = command.add_argument
    models_help = (
        "models that answer, in the order of the page, as NAME=MODEL[,prompt=plain|chat][,decoding=guarded|greedy]; "
        "MODEL is the folder of a run or model, or a Hub id, here and below with or without @REVISION. By default an "
        "answer has only numbers that the abstract or the question has"
    )
    add("--models", required=True, nargs="+", metavar="NAME=MODEL", help=models_help)
    dataset_help = "corpus whose test papers the page lists, folder or Hub id; default: none, people paste abstracts"
    add("--dataset", metavar="CORPUS", help=dataset_help)
    encoder_help = "sentence encoder for questions and cited sentences, folder or Hub id; default: all-MiniLM-L6-v2"
    add("--encoder", default=default_encoder(), metavar="ENCODER", help=encoder_help)
    verifier_help = "verifier that scores the answers, folder or Hub id; default: none"
    add("--verifier", metavar="DIR", help=verifier_help)


def run_command(arguments: argparse.Namespace) -> None:
    """Serve the page until the command is interrupted."""
    serve(arguments.models, arguments.dataset, arguments.encoder, arguments.verifier)


def serve(models: Sequence[str], dataset: str | None, encoder: str, verifier: str | None) -> None:
    """Serve the page until the process is interrupted; the arguments are those of `load_page`."""
    page = load_page(models, dataset, encoder, verifier)
    url = launch(page)
    Console().print(f"Open {url} (Ctrl+C stops the page)", soft_wrap=True)
    page.block_thread()


def load_page(models: Sequence[str], dataset: str | None, encoder: str, verifier: str | None) -> "gradio.Blocks":
    """Return the page with loaded models; the arguments are those of `eval demo`.

    Raises `InputError` for models, a corpus, an encoder or a verifier that cannot be found or loaded.
    """
    try:
        from eval.demo.page import build_page
    except ModuleNotFoundError as error:
        raise InputError(
            f"eval demo: {error.name} is not installed; run `make setup`, or pip install -e '.[demo]'"
        ) from error
    systems = find_systems(models)
    papers = read_papers(dataset) if dataset else DemoPapers()
    return build_page(load_models(systems, encoder, verifier), papers)


def load_models(systems: Sequence[System], encoder: str, verifier: str | None) -> "DemoModels":
    """Return the loaded models of a page; raises `InputError` as `load_page` does."""
    encoder_folder = find_encoder("--encoder", encoder)
    verifier_folder = find_verifier("--verifier", verifier) if verifier else None
    # `find_systems` refuses models behind a server.
    folders = {system.name: system.model for system in systems if isinstance(system.model, ModelFolder)}
    thresholds = {name: find_threshold(folder, encoder_folder) for name, folder in folders.items()}

    from dataset_builder.hardware import use_all_threads
    from eval.asking.answerer import Answerer
    from eval.demo.models import DemoModels
    from eval.metrics.embedding import Encoder

    use_all_threads()
    loaded_encoder = Encoder(encoder_folder, "--encoder")
    loaded_verifier = verifier_folder.load() if verifier_folder else None
    answerers = {
        system.name: Answerer(
            folders[system.name],
            loaded_encoder,
            loaded_verifier,
            thresholds[system.name],
            prompt=system.prompt,
            is_guarded=system.is_guarded,
        )
        for system in systems
    }
    return DemoModels(answerers, loaded_encoder)


def find_systems(models: Sequence[str]) -> list[System]:
    """Return the systems of `--models`; raises `InputError` for one that cannot answer a single question."""
    models_of_page(models)
    return parse_systems(models, None, default="guarded")


def launch(page: "gradio.Blocks") -> str:
    """Start the server of the page, and return its address."""
    import gradio

    from eval.demo.page import CSS

    _, url, _ = page.launch(
        prevent_thread_lock=True,
        quiet=True,
        # Gradio's own fonts come from Google: the page would not load without a network.
        theme=gradio.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
        css_paths=CSS,
        footer_links=["api"],
        run_history=False,
        ssr_mode=False,
    )
    return str(url)
