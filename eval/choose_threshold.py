r"""Choose the support below which `eval answer` withholds an answer, by a model's answers to the validation questions.

python -m eval choose-threshold --verifier runs/minilm-verifier --model runs/smollm2-lora --dataset data/corpus
"""

import argparse
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from rich.console import Console
from tqdm import tqdm

from dataset_builder.corpus.load import corpus_revision, load_corpus_split
from dataset_builder.corpus.questions import CorpusQuestion, Question, read_questions
from dataset_builder.errors import InputError
from dataset_builder.formats import write_format
from dataset_builder.hardware import use_all_threads
from dataset_builder.model_folders import ModelFolder, find_model
from dataset_builder.verification.load import VerifierFolder, find_verifier
from eval.abstention import (
    ABSTENTION_FILE,
    Abstention,
    AbstentionQuestions,
    choose_threshold,
    foreign_questions,
    read_abstention,
    share_answered,
)
from eval.question_sample import sample_questions


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `eval choose-threshold`."""
    add = command.add_argument
    add("--verifier", required=True, metavar="DIR", help="folder of a verifier's run, which gets abstention.json")
    add("--model", required=True, metavar="MODEL", help="model that answers, folder of a run or model, or Hub id")
    add("--dataset", required=True, metavar="CORPUS", help="corpus folder or Hub id")
    add("--revision", metavar="REVISION", help="commit, tag or branch of a corpus on the Hub; default: the newest")
    decoding_help = "decoding of the answers, as in `eval answer`; default: %(default)s"
    add("--decoding", choices=("guarded", "greedy"), default="guarded", help=decoding_help)
    add("--questions", type=int, metavar="N", help="ask a fixed random sample of N questions; default: all")


def run_command(arguments: argparse.Namespace) -> None:
    """Write abstention.json into the folder of the verifier, and print the threshold with both shares.

    If the file has the threshold for the same model, verifier and questions, nothing is asked again.
    """
    if arguments.questions is not None and arguments.questions < 1:
        raise InputError(f"--questions {arguments.questions}: must be 1 or more")
    if not Path(arguments.verifier).is_dir():
        raise InputError(f"--verifier {arguments.verifier}: folder not found; give the folder of a verifier's run")
    verifier = find_verifier("--verifier", arguments.verifier)
    model = find_model("--model", arguments.model)
    revision = corpus_revision(arguments.dataset, arguments.revision)
    split = read_questions(load_corpus_split(arguments.dataset, None, "validation", revision))
    questions = sample_questions(split, arguments.questions)
    papers = {question.paper_id for question in questions}
    if len(papers) < 2:
        problem = f"the validation questions are on {len(papers)} papers, and two are needed"
        raise InputError(f"--dataset {arguments.dataset}: {problem}; ask more questions, or use a larger corpus")
    asked = AbstentionQuestions(
        model_sha256=model.fingerprint,
        verifier_sha256=verifier.folder.fingerprint,
        is_guarded=arguments.decoding == "guarded",
        dataset_revision=revision,
        questions=len(questions),
        papers=len(papers),
    )
    path = verifier.folder.path / ABSTENTION_FILE
    found = _read_chosen(verifier.folder.path, asked)
    if found is None:
        found = measure(asked, verifier, model, questions)
        write_format(path, found)
    Console().print(
        f"{found.questions} validation questions on {found.papers} papers: at the threshold {found.threshold:.3f}, "
        f"{found.answered:.1%} are answered, and {found.foreign_answered:.1%} of as many questions on other papers: "
        f"{path}",
        soft_wrap=True,
    )


def measure(
    asked: AbstentionQuestions, verifier: VerifierFolder, model: ModelFolder, questions: Sequence[CorpusQuestion]
) -> Abstention:
    """Return the threshold at which `model` answers the share `ANSWERED` of the questions, on at least two papers."""
    use_all_threads()
    own_and_foreign = [*questions, *foreign_questions(questions)]
    answers = _answer(model, own_and_foreign, asked.is_guarded)
    items = [(one.context, one.question, answer) for one, answer in zip(own_and_foreign, answers, strict=True)]
    supports = verifier.load().score_all(items)
    own, foreign = supports[: len(questions)], supports[len(questions) :]
    threshold = choose_threshold(own)
    return Abstention(
        **dict(asked),
        threshold=threshold,
        answered=share_answered(own, threshold),
        foreign_answered=share_answered(foreign, threshold),
    )


def _read_chosen(folder: Path, asked: AbstentionQuestions) -> Abstention | None:
    """Return the threshold in the verifier's folder if it was chosen by the same questions, else None."""
    # A damaged file is replaced.
    with suppress(InputError):
        found = read_abstention(folder)
        if found and all(getattr(found, name) == value for name, value in asked):
            return found
    return None


def _answer(model: ModelFolder, questions: Sequence[Question], is_guarded: bool) -> list[str]:
    from dataset_builder.language_model import load_model
    from eval.generation.answers import answer_in_batches

    answers: dict[int, str] = {}
    # None: only on a terminal.
    with tqdm(total=len(questions), desc="answering", unit="question", disable=None) as bar:
        for batch in answer_in_batches(*load_model(model), questions, is_guarded=is_guarded):
            answers |= {number: answer.text for number, answer in batch.items()}
            bar.update(len(batch))
    return [answers[number] for number in range(len(questions))]
