"""Choose the lowest relevance at which a model is asked a question, by the validation questions of a corpus.

python -m eval choose-threshold --model runs/smollm2-lora --dataset data/corpus
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from dataset_builder.corpus.load import corpus_revision, load_corpus_split
from dataset_builder.corpus.questions import CorpusQuestion, Question, read_questions
from dataset_builder.errors import InputError
from dataset_builder.files import make_writable_folder
from dataset_builder.formats import write_format
from dataset_builder.model_folders import EncoderFolder, find_encoder, find_model
from dataset_builder.packaged_models import default_encoder
from dataset_builder.text import sentences
from eval.abstention import (
    ABSTENTION_FILE,
    Abstention,
    find_relevance,
    foreign_questions,
    relevance_threshold,
    share_asked,
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


def run_command(arguments: argparse.Namespace) -> None:
    """Write abstention.json into the folders of the models, and print what it says."""
    for folder in arguments.model:
        if not folder.is_dir():
            raise InputError(f"--model {folder}: folder not found; give the folder of a run or model on this machine")
        find_model("--model", str(folder))
        make_writable_folder(folder)
    encoder = find_encoder("--encoder", arguments.encoder)
    revision = corpus_revision(arguments.dataset, arguments.revision)
    questions = read_questions(load_corpus_split(arguments.dataset, None, "validation", revision))
    found = measure_relevance(questions, encoder, revision)
    for folder in arguments.model:
        write_format(folder / ABSTENTION_FILE, found)
    share = "" if found.foreign_asked is None else f", and {found.foreign_asked:.1%} of as many on other papers"
    written = ", ".join(str(folder / ABSTENTION_FILE) for folder in arguments.model)
    Console().print(
        f"{found.questions} validation questions on {found.papers} papers: at the threshold {found.threshold:.3f}, "
        f"{found.asked:.1%} are asked{share}; written to {written}",
        soft_wrap=True,
    )


def measure_relevance(questions: Sequence[CorpusQuestion], encoder: EncoderFolder, revision: str) -> Abstention:
    """Return the threshold at which the share `ASKED` of the questions is asked, and what is asked at it."""
    from eval.metrics.embedding import Encoder

    loaded = Encoder(encoder, "--encoder", keep_all=True)
    loaded.encode([text for one in questions for text in (one.question, *sentences(one.context))])

    def relevances(asked: Sequence[Question]) -> list[float]:
        return [find_relevance(one.question, one.context, loaded) for one in asked]

    papers = len({question.paper_id for question in questions})
    own = relevances(questions)
    threshold = relevance_threshold(own)
    return Abstention(
        encoder=encoder.label,
        dataset_revision=revision,
        questions=len(questions),
        papers=papers,
        threshold=threshold,
        asked=share_asked(own, threshold),
        foreign_asked=share_asked(relevances(foreign_questions(questions)), threshold) if papers > 1 else None,
    )
