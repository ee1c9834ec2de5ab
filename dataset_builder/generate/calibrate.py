"""Calibrate the threshold of the grounding check on pairs that are known to be good.

python -m dataset_builder calibrate --papers dataset_builder/open_corpus/papers --qa dataset_builder/open_corpus/qa
"""

import argparse
import random
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from rich.console import Console

from dataset_builder.corpus.pairs import QAPair, read_pairs
from dataset_builder.corpus.papers import Paper, read_papers
from dataset_builder.corpus.questions import CorpusQuestion
from dataset_builder.errors import InputError
from dataset_builder.generate.calibrate_verifier import calibrate_verifier, verifier_table
from dataset_builder.generate.checks import find_problem, source_text
from dataset_builder.grounding.check import (
    add_grounding_arguments,
    nearest_sentence_similarities,
    unsupported_numbers,
)
from dataset_builder.grounding.names import unsupported_names
from dataset_builder.models.encoders import load_embed
from dataset_builder.models.folders import find_encoder
from dataset_builder.prompt import INSTRUCTION
from dataset_builder.tables import as_table
from dataset_builder.teachers.teacher import Limits
from dataset_builder.verification.support_check import add_verifier_arguments, find_support_check

# People wrote some of the pairs; no teacher's limits hold for them.
ANY_LENGTH = Limits(
    least_pairs=1,
    most_pairs=1,
    question_characters=10**6,
    answer_characters=10**6,
    new_tokens=10**7,
    attempts=1,
)


@dataclass(frozen=True)
class Shares:
    """The shares (0 to 1) of pairs at a threshold: good pairs that pass, and shuffled pairs that fail.

    "by_similarity" is the similarity without the checks of numbers and names.
    """

    threshold: float
    passing: float
    failing: float
    passing_by_similarity: float
    failing_by_similarity: float


@dataclass(frozen=True)
class TeacherShares:
    """The shares (0 to 1) of a teacher's pairs that pass: the checks without the encoder, and all checks.

    The checks are those of `generate` except for the lengths and for repeated questions.
    """

    pairs: int
    passing_rules: float
    passing: float


@dataclass(frozen=True)
class Calibration:
    """The shares at the current threshold and at the best one, where the smaller of both shares is largest.

    `by_teacher` has the shares of each teacher at the current threshold.
    """

    pairs: int
    papers: int
    current: Shares
    best: Shares
    by_teacher: dict[str, TeacherShares]


def calibrate(pairs: Sequence[QAPair], own: Sequence[Paper], encoder: str, threshold: float, seed: int) -> Calibration:
    """Return how many pairs pass the grounding check, and how many shuffled pairs fail it.

    `own` has the paper of each pair; there are two papers at least. A shuffled pair is an answer with the abstract of
    another paper, drawn by `seed` from the papers with pairs.
    """
    by_id = {paper.paper_id: paper for paper in own}
    paper_ids = sorted(by_id)
    positions = {paper_id: position for position, paper_id in enumerate(paper_ids)}
    draw = random.Random(seed)
    drawn = [draw.randrange(len(paper_ids) - 1) for _ in own]
    # One of the other papers: the numbers from the paper's own position on are those of the papers after it.
    others = [
        by_id[paper_ids[number + (number >= positions[paper.paper_id])]]
        for number, paper in zip(drawn, own, strict=True)
    ]
    answers = [pair.answer for pair in pairs]
    both = nearest_sentence_similarities(
        load_embed(find_encoder("--encoder", encoder)),
        answers * 2,
        [paper.abstract or "" for paper in [*own, *others]],
    )
    good_similarities, shuffled_similarities = both[: len(pairs)], both[len(pairs) :]
    good = _reject_unsupported(answers, own, good_similarities)
    shuffled = _reject_unsupported(answers, others, shuffled_similarities)
    results: dict[str, list[tuple[bool, bool]]] = {}
    for pair, paper, similarity in zip(pairs, own, good_similarities, strict=True):
        passes_rules = find_problem(pair.question, pair.answer, source_text(paper), ANY_LENGTH) is None
        results.setdefault(pair.teacher, []).append((passes_rules, passes_rules and similarity >= threshold))

    def shares(threshold: float) -> Shares:
        return Shares(
            threshold=threshold,
            passing=_share([similarity >= threshold for similarity in good]),
            failing=_share([similarity < threshold for similarity in shuffled]),
            passing_by_similarity=_share([similarity >= threshold for similarity in good_similarities]),
            failing_by_similarity=_share([similarity < threshold for similarity in shuffled_similarities]),
        )

    best = max((shares(step / 100) for step in range(30, 91)), key=lambda found: min(found.passing, found.failing))
    by_teacher = {
        teacher: TeacherShares(len(found), *(_share(list(passing)) for passing in zip(*found, strict=True)))
        for teacher, found in results.items()
    }
    return Calibration(len(pairs), len(paper_ids), shares(threshold), best, by_teacher)


def read_good_pairs(papers: Path, qa: Path) -> tuple[list[QAPair], list[Paper]]:
    """Return the pairs of all teachers in `qa`, and the paper of each pair; pairs without an abstract are left out.

    Raises `InputError` for papers or pairs that cannot be read, and for pairs on fewer than two papers.
    """
    by_id = {paper.paper_id: paper for paper in read_papers(papers)}
    if not qa.is_dir():
        raise InputError(f"--qa {qa}: folder not found; give the folder that has a folder for each teacher")
    teachers = sorted(path.name for path in qa.iterdir() if path.is_dir())
    pairs = [pair for teacher in teachers for pair in read_pairs(qa, teacher, by_id) if by_id[pair.paper_id].abstract]
    own = [by_id[pair.paper_id] for pair in pairs]
    if (found := len({paper.paper_id for paper in own})) < 2:
        raise InputError(f"--qa {qa}: has pairs on {found} of the papers; shuffling needs at least two")
    return pairs, own


def _reject_unsupported(answers: Sequence[str], papers: Sequence[Paper], similarities: Sequence[float]) -> list[float]:
    """Return the similarity of each answer, or minus infinity for an answer with an unsupported number or name."""
    checked = []
    for answer, paper, similarity in zip(answers, papers, similarities, strict=True):
        source = source_text(paper)
        unsupported = unsupported_numbers(answer, source) or unsupported_names(answer, source)
        checked.append(float("-inf") if unsupported else similarity)
    return checked


def _share(values: list[bool]) -> float:
    return round(sum(values) / len(values), 4)


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `calibrate`."""
    add = command.add_argument
    add("--papers", type=Path, required=True, metavar="DIR", help="folder of VENUE_YEAR.jsonl papers")
    add("--qa", type=Path, required=True, metavar="DIR", help="folder of TEACHER/VENUE_YEAR.jsonl")
    add("--seed", type=int, default=0, metavar="N", help="seed of the shuffling; default: %(default)s")
    add_grounding_arguments(command)
    add_verifier_arguments(command, "whose rates it prints, too")


def run_command(arguments: argparse.Namespace) -> None:
    """Run `calibrate` and print the shares at both thresholds, and with a verifier its shares."""
    check = find_support_check(arguments)
    pairs, own = read_good_pairs(arguments.papers, arguments.qa)
    found = calibrate(pairs, own, arguments.encoder, arguments.threshold, arguments.seed)
    title = f"Grounding check: {found.pairs} pairs on {found.papers} papers, seed {arguments.seed}"
    heading = ["threshold", "good pairs: pass", "shuffled: fail", "by similarity only: pass", "fail"]
    rows = [
        [f"{row.threshold:.2f}, {name}", *(f"{share:.1%}" for share in astuple(row)[1:])]
        for name, row in (("current", found.current), ("best", found.best))
    ]
    console = Console()
    console.print(as_table(heading, rows, title))
    by_teacher = [
        [teacher, str(shares.pairs), f"{shares.passing_rules:.1%}", f"{shares.passing:.1%}"]
        for teacher, shares in found.by_teacher.items()
    ]
    heading = ["teacher", "good pairs", "pass without the encoder", "pass all checks"]
    console.print(as_table(heading, by_teacher, "All checks of a pair at the current threshold"))
    if check:
        questions = [
            CorpusQuestion(INSTRUCTION, paper.abstract or "", pair.question, pair.answer, paper.paper_id, paper.year)
            for pair, paper in zip(pairs, own, strict=True)
        ]
        measured = calibrate_verifier(questions, check, arguments.seed)
        console.print(as_table(*verifier_table(measured), "Verifier: good pairs, and wrong answers by kind of error"))
