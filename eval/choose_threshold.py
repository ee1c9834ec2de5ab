"""Choose the lowest relevance at which a model is asked a question, by the validation questions of a corpus.

python -m eval choose-threshold --model runs/smollm2-lora --dataset data/corpus
"""

import argparse
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from rich.console import Console

from dataset_builder.corpus.load import configs_with_test, corpus_revision, load_corpus_split
from dataset_builder.corpus.questions import CorpusQuestion, read_questions
from dataset_builder.errors import InputError
from dataset_builder.files import make_writable_folder
from dataset_builder.formats import write_format
from dataset_builder.models.folders import EncoderFolder, find_encoder, find_model
from dataset_builder.models.packaged import default_encoder
from dataset_builder.tables import as_table
from eval.asking.abstention import (
    ABSTENTION_FILE,
    Abstention,
    asked_shares,
    asked_table,
    find_relevances,
    foreign_questions,
    read_abstention,
    relevance_threshold,
)


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `eval choose-threshold`."""
    add = command.add_argument
    model_help = "folders of runs or models, which get abstention.json"
    add("--model", required=True, nargs="+", type=Path, metavar="DIR", help=model_help)
    add("--dataset", required=True, metavar="CORPUS", help="corpus folder or Hub id")
    add("--revision", metavar="REVISION", help="commit, tag or branch of a corpus on the Hub; default: the newest")
    encoder_help = "sentence encoder that compares questions with sentences, folder or Hub id; default: %(default)s"
    add("--encoder", default=default_encoder(), metavar="ENCODER", help=encoder_help)
    asked_help = (
        "smallest share of the validation questions that the model must be asked (above 0, at most 1). A smaller "
        "share gives a higher threshold, so fewer questions on other papers are asked; default: %(default)s"
    )
    add("--asked", default=0.97, type=float, metavar="SHARE", help=asked_help)


def run_command(arguments: argparse.Namespace) -> None:
    """Write abstention.json into the folders of the models, and print what it says."""
    if not 0 < arguments.asked <= 1:
        raise InputError(f"--asked {arguments.asked}: must be a share above 0, at most 1")
    for folder in arguments.model:
        if not folder.is_dir():
            raise InputError(f"--model {folder}: folder not found; give the folder of a run or model on this machine")
        find_model("--model", str(folder))
        make_writable_folder(folder)
    encoder = find_encoder("--encoder", arguments.encoder)
    revision = corpus_revision(arguments.dataset, arguments.revision)
    found = _find_chosen(arguments.model, encoder, revision, arguments.asked)
    if found is None:
        found = _choose(arguments, encoder, revision)
        for folder in arguments.model:
            write_format(folder / ABSTENTION_FILE, found)
    console = Console()
    console.print(
        f"Threshold {found.threshold:.3f}, chosen on the validation questions of {found.papers} papers. At this "
        "threshold the model is asked these shares of the questions:"
    )
    console.print(as_table(*asked_table(found)))
    written = ", ".join(str(folder / ABSTENTION_FILE) for folder in arguments.model)
    console.print(f"Threshold and shares: {written}", soft_wrap=True, markup=False)


def _find_chosen(models: Sequence[Path], encoder: EncoderFolder, revision: str, asked: float) -> Abstention | None:
    """Return the content of abstention.json that all models have, if it was chosen in this way, else None."""
    kept: list[Abstention | None] = []
    # A damaged file is written again.
    with suppress(InputError):
        kept = [read_abstention(folder) for folder in models]
    # By its files, too: the encoder of a label can have changed.
    wanted = (encoder.label, encoder.fingerprint, revision, asked)
    is_wanted = [
        one and (one.encoder, one.encoder_sha256, one.dataset_revision, one.least_asked) == wanted for one in kept
    ]
    return kept[0] if kept and all(is_wanted) else None


def _choose(arguments: argparse.Namespace, encoder: EncoderFolder, revision: str) -> Abstention:
    validation = read_questions(load_corpus_split(arguments.dataset, None, "validation", revision))
    test = {
        config: read_questions(load_corpus_split(arguments.dataset, config, "test", revision))
        for config in configs_with_test(arguments.dataset, revision)
    }
    return choose_threshold(validation, test, arguments.asked, encoder, revision)


def choose_threshold(
    validation: Sequence[CorpusQuestion],
    test: Mapping[str, Sequence[CorpusQuestion]],
    asked: float,
    encoder: EncoderFolder,
    revision: str,
) -> Abstention:
    """Return the threshold at which at least the share `asked` of the validation questions is asked, and its shares.

    `test` has the test questions by config.
    """
    from eval.metrics.embedding import Encoder

    loaded = Encoder(encoder, "--encoder")

    def relevances(questions: Sequence[CorpusQuestion]) -> tuple[list[float], list[float]]:
        found = find_relevances([*questions, *foreign_questions(questions)], loaded)
        return found[: len(questions)], found[len(questions) :]

    own, foreign = relevances(validation)
    threshold = relevance_threshold(own, asked)
    return Abstention(
        encoder=encoder.label,
        encoder_sha256=encoder.fingerprint,
        dataset_revision=revision,
        papers=len({question.paper_id for question in validation}),
        threshold=threshold,
        least_asked=asked,
        **asked_shares(own, foreign, threshold).model_dump(),
        test={config: asked_shares(*relevances(questions), threshold) for config, questions in test.items()},
    )
