"""Write the notebook of a published model: load it, use it, score it, train an adapter on its corpus."""

from pathlib import Path

from dataset_builder.prompt import INSTRUCTION, MAX_ANSWER_TOKENS, build_prompt
from dataset_builder.templates import render
from eval.push_metric import NAME as METRIC
from model_cards.names import Names
from model_cards.trained_run import TrainedRun

# The Hub opens a file of this name in Colab and Kaggle.
NOTEBOOK_FILE = "notebook.ipynb"
TEMPLATE = Path(__file__).parent / "templates/notebook.md.j2"
# What the notebook installs: it does not need the project. The versions are those of pyproject.toml.
REQUIREMENTS = (
    "datasets>=5.0",
    "evaluate>=0.4.6",
    "peft>=0.19",
    "sentence-transformers>=6.0",
    "transformers>=5.17,<6",
    "trl>=1.16",
)


def model_notebook(run: TrainedRun, names: Names) -> bytes:
    """Return the notebook of the model of `run` as the content of an .ipynb file, without outputs.

    The same run and names give the same bytes. The metric is in the namespace of the model.
    """
    import jupytext
    import nbformat
    from huggingface_hub import constants

    text = render(
        TEMPLATE,
        title=Path(names.model).name,
        run=run,
        metrics=run.metrics,
        names=names,
        corpus=names.trained.corpus,
        hub=constants.ENDPOINT,
        requirements=REQUIREMENTS,
        metric=f"{names.model.partition('/')[0]}/{METRIC}",
        prompt=build_prompt(INSTRUCTION, "{abstract}", "{question}"),
        max_new_tokens=MAX_ANSWER_TOKENS,
    )
    notebook = jupytext.reads(text, fmt="md")
    # It says how to turn the notebook into Markdown again.
    notebook.metadata.pop("jupytext", None)
    # Jupytext draws ids at random.
    for number, cell in enumerate(notebook.cells, start=1):
        cell.id = f"cell-{number}"
    nbformat.validate(notebook)
    content: str = nbformat.writes(notebook)  # type: ignore[no-untyped-call]  # the function has no types
    return f"{content}\n".encode()
