"""Calibrate the threshold of the grounding check on pairs that are known to be good.

python -m dataset_builder calibrate --papers dataset_builder/open_corpus/papers --qa dataset_builder/open_corpus/qa
"""

import argparse
import random
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from dataset_builder.corpus.pairs import read_pairs
from dataset_builder.corpus.papers import Paper, read_papers
from dataset_builder.errors import InputError
from dataset_builder.generate.checks import source_text
from dataset_builder.grounding import (
    add_grounding_arguments,
    load_encoder,
    nearest_sentence_similarities,
    unsupported_names,
    unsupported_numbers,
)
from dataset_builder.tables import as_table

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


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
class Calibration:
    """The shares at the current threshold and at the best one, where the smaller of both shares is largest."""

    pairs: int
    papers: int
    current: Shares
    best: Shares


def calibrate(papers: Path, qa: Path, encoder: str, threshold: float, seed: int) -> Calibration:
    """Return how many pairs of all teachers in `qa` pass the grounding check, and how many shuffled pairs fail it.

    A shuffled pair is an answer with the abstract of another paper, drawn by `seed` from the papers with pairs.

    Raises `InputError` for papers or pairs that cannot be read, and for pairs on fewer than two papers.
    """
    by_id = {paper.paper_id: paper for paper in read_papers(papers) if paper.abstract}
    if not qa.is_dir():
        raise InputError(f"--qa {qa}: folder not found; give the folder that has a folder for each teacher")
    teachers = sorted(path.name for path in qa.iterdir() if path.is_dir())
    pairs = [pair for teacher in teachers for pair in read_pairs(qa, teacher) if pair.paper_id in by_id]
    own = [by_id[pair.paper_id] for pair in pairs]
    paper_ids = sorted({paper.paper_id for paper in own})
    if len(paper_ids) < 2:
        raise InputError(f"--qa {qa}: has pairs on {len(paper_ids)} of the papers; shuffling needs at least two")
    draw = random.Random(seed)
    others = [by_id[draw.choice([other for other in paper_ids if other != paper.paper_id])] for paper in own]
    answers = [pair.answer for pair in pairs]
    model = load_encoder(encoder)
    good, good_similarities = _similarities(model, answers, own)
    shuffled, shuffled_similarities = _similarities(model, answers, others)

    def shares(threshold: float) -> Shares:
        return Shares(
            threshold=threshold,
            passing=_share([similarity >= threshold for similarity in good]),
            failing=_share([similarity < threshold for similarity in shuffled]),
            passing_by_similarity=_share([similarity >= threshold for similarity in good_similarities]),
            failing_by_similarity=_share([similarity < threshold for similarity in shuffled_similarities]),
        )

    best = max((shares(step / 100) for step in range(30, 91)), key=lambda found: min(found.passing, found.failing))
    return Calibration(len(pairs), len(paper_ids), shares(threshold), best)


def _similarities(
    encoder: "SentenceTransformer", answers: Sequence[str], papers: Sequence[Paper]
) -> tuple[list[float], list[float]]:
    """Return the similarity of each answer: first minus infinity if a number or name is unsupported, then as it is."""
    similarities = nearest_sentence_similarities(encoder, answers, [paper.abstract or "" for paper in papers])
    checked = []
    for answer, paper, similarity in zip(answers, papers, similarities, strict=True):
        source = source_text(paper)
        unsupported = unsupported_numbers(answer, source) or unsupported_names(answer, source)
        checked.append(float("-inf") if unsupported else similarity)
    return checked, similarities


def _share(values: list[bool]) -> float:
    return round(sum(values) / len(values), 4)


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `calibrate`."""
    add = command.add_argument
    add("--papers", type=Path, required=True, metavar="DIR", help="folder of VENUE_YEAR.jsonl papers")
    add("--qa", type=Path, required=True, metavar="DIR", help="folder of TEACHER/VENUE_YEAR.jsonl")
    add("--seed", type=int, default=0, metavar="N", help="seed of the shuffling; default: %(default)s")
    add_grounding_arguments(command)


def run_command(arguments: argparse.Namespace) -> None:
    """Run `calibrate` and print the shares at both thresholds."""
    found = calibrate(arguments.papers, arguments.qa, arguments.encoder, arguments.threshold, arguments.seed)
    title = f"Grounding check: {found.pairs} pairs on {found.papers} papers, seed {arguments.seed}"
    heading = ["threshold", "good pairs: pass", "shuffled: fail", "by similarity only: pass", "fail"]
    rows = [
        [f"{row.threshold:.2f}, {name}", *(f"{share:.1%}" for share in astuple(row)[1:])]
        for name, row in (("current", found.current), ("best", found.best))
    ]
    Console().print(as_table(heading, rows, title))
