"""Write the inputs of a dry run: a corpus of a few papers, and a model of random weights that trains in a second."""

from __future__ import annotations

import tempfile
from pathlib import Path

from dataset_builder.corpus.build import build
from dataset_builder.files import replacing_folder
from dataset_builder.hub.changes import CARD_FILE
from tests.corpus_slice import write_corpus_slice
from tests.tiny import write_tiny_gpt2

# Four papers for training, two for validation and two for the test.
PAPER_IDS = frozenset(
    (
        *("10.1109/isca.2008.21", "10.1145/2000064.2000073", "10.1145/2678373.2665678", "10.1109/isca.2018.00040"),
        *("10.1109/isca.2012.6237001", "10.1145/2485922.2485943"),
        *("10.1145/3470496.3527429", "10.1109/isca59077.2024.00084"),
    )
)


def write_dry_inputs(corpus: Path, model: Path) -> None:
    """Write the corpus and the model to these folders, if they are not there."""
    with tempfile.TemporaryDirectory() as temporary:
        sources = write_corpus_slice(Path(temporary), PAPER_IDS)
        if not (corpus / CARD_FILE).is_file():
            build(sources / "papers", sources / "qa", "detailed", ["plain", "detailed"], corpus, "apache-2.0")
        if not model.is_dir():
            with replacing_folder(model, lambda folder: []) as folder:
                write_tiny_gpt2(folder, sources)
