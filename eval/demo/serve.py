"""Open a web page where people ask models about abstracts, and see the sentences nearest to the answers.

python -m eval demo --models baseline=data/models/smollm2 full=runs/smollm2-full lora=runs/smollm2-lora
"""

import argparse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Console

from dataset_builder.errors import InputError
from dataset_builder.models.folders import ModelFolder, find_encoder
from dataset_builder.models.packaged import default_encoder
from eval.demo.papers import DemoPapers, read_papers
from eval.served_model import PREFIX
from eval.systems import System, parse_systems, parse_words

if TYPE_CHECKING:
    import gradio

    from eval.asking.answerer import Answerer
    from eval.metrics.embedding import Encoder


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
    encoder_help = "sentence encoder for cited sentences, folder or Hub id; default: all-MiniLM-L6-v2"
    add("--encoder", default=default_encoder(), metavar="ENCODER", help=encoder_help)


def run_command(arguments: argparse.Namespace) -> None:
    """Serve the page until the command is interrupted."""
    serve(arguments.models, arguments.dataset, arguments.encoder)


def serve(models: Sequence[str], dataset: str | None, encoder: str) -> None:
    """Serve the page until the process is interrupted; the arguments are those of `load_page`."""
    page = load_page(models, dataset, encoder)
    url = launch(page)
    Console().print(f"Open {url} (Ctrl+C stops the page)", soft_wrap=True)
    page.block_thread()


def load_page(models: Sequence[str], dataset: str | None, encoder: str) -> "gradio.Blocks":
    """Return the page with loaded models; the arguments are those of `eval demo`.

    Raises `InputError` for models, a corpus or an encoder that cannot be found or loaded.
    """
    try:
        from eval.demo.page import build_page
    except ModuleNotFoundError as error:
        raise InputError(
            f"eval demo: {error.name} is not installed; run `make setup`, or pip install -e '.[demo]'"
        ) from error
    models_of_page(models)
    systems = parse_systems(models, default="guarded")
    papers = read_papers(dataset) if dataset else DemoPapers()
    return build_page(*load_models(systems, encoder), papers)


def load_models(systems: Sequence[System], encoder: str) -> "tuple[Mapping[str, Answerer], Encoder]":
    """Return the loaded models by name, and the loaded encoder; raises `InputError` as `load_page` does."""
    encoder_folder = find_encoder("--encoder", encoder)

    from dataset_builder.hardware import use_all_threads
    from eval.asking.answerer import Answerer
    from eval.metrics.embedding import Encoder

    use_all_threads()
    loaded = Encoder(encoder_folder, "--encoder")
    answerers = {
        system.name: Answerer(system.model, loaded, prompt=system.prompt, is_guarded=system.decoding == "guarded")
        for system in systems
        # `models_of_page` refuses models behind a server.
        if isinstance(system.model, ModelFolder)
    }
    return answerers, loaded


def models_of_page(words: Sequence[str]) -> list[str]:
    """Return the folder or the Hub id of each model; raises `InputError` for a word that the page cannot use.

    It asks one question at a time, of models that it has loaded.
    """
    models = []
    for name, model, settings in parse_words(words):
        if model.startswith(PREFIX):
            raise InputError(f"--models {name}={model}: the page cannot ask a server; give a folder or a Hub id")
        if settings.get("prompt", "plain") not in ("plain", "chat"):
            problem = f"the page cannot ask with prompt={settings['prompt']}"
            raise InputError(f"--models {name}: {problem}; use prompt=plain or prompt=chat")
        models.append(model)
    return models


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
