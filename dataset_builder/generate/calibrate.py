"""Calibrate the threshold of the grounding check on pairs that are known to be good."""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

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
from dataset_builder.output import add_verbose_option, configure_output

if TYPE_CHECKING:
    from rich.table import Table
    from sentence_transformers import SentenceTransformer

THRESHOLDS = [step / 100 for step in range(30, 91)]


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
    teachers: list[str]
    seed: int
    current: Shares
    best: Shares


@dataclass(frozen=True)
class Evidence:
    """What the grounding check finds for one answer: are its numbers and names in the source, and its similarity."""

    facts_supported: bool
    similarity: float

    def passes(self, threshold: float) -> bool:
        """Return whether the answer passes the grounding check."""
        return self.facts_supported and self.similarity >= threshold


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
    good, shuffled = _evidence(model, answers, own), _evidence(model, answers, others)

    def shares(threshold: float) -> Shares:
        return Shares(
            threshold=threshold,
            passing=_share([evidence.passes(threshold) for evidence in good]),
            failing=_share([not evidence.passes(threshold) for evidence in shuffled]),
            passing_by_similarity=_share([evidence.similarity >= threshold for evidence in good]),
            failing_by_similarity=_share([evidence.similarity < threshold for evidence in shuffled]),
        )

    best = max(map(shares, THRESHOLDS), key=lambda found: min(found.passing, found.failing))
    return Calibration(len(pairs), len(paper_ids), teachers, seed, shares(threshold), best)


def _evidence(encoder: SentenceTransformer, answers: Sequence[str], papers: Sequence[Paper]) -> list[Evidence]:
    similarities = nearest_sentence_similarities(encoder, answers, [paper.abstract or "" for paper in papers])
    evidence = []
    for answer, paper, similarity in zip(answers, papers, similarities, strict=True):
        source = source_text(paper)
        facts_supported = not unsupported_numbers(answer, source) and not unsupported_names(answer, source)
        evidence.append(Evidence(facts_supported, similarity))
    return evidence


def _share(values: list[bool]) -> float:
    return round(sum(values) / len(values), 4)


def calibration_table(calibration: Calibration) -> Table:
    """Return the table of both thresholds for the terminal."""
    from rich.table import Table

    table = Table(
        title=f"Grounding check: {calibration.pairs} pairs on {calibration.papers} papers, seed {calibration.seed}",
        title_justify="left",
    )
    headings = ("threshold", "good pairs: pass", "shuffled: fail", "by similarity only: pass", "fail")
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "threshold" else "right")
    for name, row in (("current", calibration.current), ("best", calibration.best)):
        table.add_row(
            f"{row.threshold:.2f}, {name}",
            f"{row.passing:.1%}",
            f"{row.failing:.1%}",
            f"{row.passing_by_similarity:.1%}",
            f"{row.failing_by_similarity:.1%}",
        )
    return table


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `calibrate`."""
    command.add_argument("--papers", type=Path, required=True, metavar="DIR", help="folder of VENUE_YEAR.jsonl papers")
    command.add_argument("--qa", type=Path, required=True, metavar="DIR", help="folder of TEACHER/VENUE_YEAR.jsonl")
    command.add_argument("--seed", type=int, default=0, metavar="N", help="for the shuffling; default: %(default)s")
    add_grounding_arguments(command)
    add_verbose_option(command)


def run_command(arguments: argparse.Namespace) -> None:
    """Run `calibrate` and print its table."""
    configure_output(arguments.verbose)
    from rich.console import Console

    calibration = calibrate(arguments.papers, arguments.qa, arguments.encoder, arguments.threshold, arguments.seed)
    Console().print(calibration_table(calibration))
