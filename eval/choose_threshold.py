r"""Choose how near a question must be to an abstract to be asked, by the validation questions of a corpus.

python -m eval choose-threshold --model runs/smollm2-lora --dataset data/corpus
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from dataset_builder.corpus.load import corpus_revision, load_corpus_split
from dataset_builder.corpus.questions import CorpusQuestion, Question, read_questions
from dataset_builder.errors import InputError
from dataset_builder.formats import write_format
from dataset_builder.model_folders import EncoderFolder, find_encoder, find_model
from dataset_builder.packaged_models import default_encoder
from eval.abstention import (
    ABSTENTION_FILE,
    Abstention,
    choose_threshold,
    find_relevance,
    foreign_questions,
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
    """Write abstention.json into the folders of the models, and print the threshold with both shares."""
    for folder in arguments.model:
        if not folder.is_dir():
            raise InputError(f"--model {folder}: folder not found; give the folder of a run or model on this machine")
        find_model("--model", str(folder))
    encoder = find_encoder("--encoder", arguments.encoder)
    revision = corpus_revision(arguments.dataset, arguments.revision)
    questions = read_questions(load_corpus_split(arguments.dataset, None, "validation", revision))
    papers = len({question.paper_id for question in questions})
    if papers < 2:
        problem = f"the validation questions are on {papers} papers, and two are needed"
        raise InputError(f"--dataset {arguments.dataset}: {problem}; use a larger corpus")
    found = measure(questions, papers, encoder, revision)
    for folder in arguments.model:
        write_format(folder / ABSTENTION_FILE, found)
    Console().print(
        f"{found.questions} validation questions on {found.papers} papers: at the threshold {found.threshold:.3f}, "
        f"{found.asked:.1%} are asked, and {found.foreign_asked:.1%} of as many questions on other papers: "
        f"{', '.join(str(folder / ABSTENTION_FILE) for folder in arguments.model)}",
        soft_wrap=True,
    )


def measure(questions: Sequence[CorpusQuestion], papers: int, encoder: EncoderFolder, revision: str) -> Abstention:
    """Return the threshold at which the share `ASKED` of the questions is asked; they are on two papers or more."""
    from eval.metrics.embedding import Encoder

    loaded = Encoder(encoder, "--encoder", keep_all=True)

    def relevances(asked: Sequence[Question]) -> list[float]:
        return [find_relevance(one.question, one.context, loaded) for one in asked]

    own, foreign = relevances(questions), relevances(foreign_questions(questions))
    threshold = choose_threshold(own)
    return Abstention(
        encoder=encoder.label,
        dataset_revision=revision,
        questions=len(questions),
        papers=papers,
        threshold=threshold,
        asked=share_asked(own, threshold),
        foreign_asked=share_asked(foreign, threshold),
    )
