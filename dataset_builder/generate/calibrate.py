"""How well the support check tells a paper's own answers from those of other papers, on pairs known to be good."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataset_builder.corpus.pairs import read_pairs
from dataset_builder.corpus.papers import Paper, read_papers
from dataset_builder.errors import InputError
from dataset_builder.grounding import (
    load_encoder,
    nearest_sentence_similarities,
    unsupported_names,
    unsupported_numbers,
)

if TYPE_CHECKING:
    from rich.table import Table

THRESHOLDS = [step / 100 for step in range(30, 91)]


def calibrate(papers: Path, qa: Path, encoder: str, threshold: float, seed: int) -> dict[str, Any]:
    """Return how many pairs pass the support check as they are, and how many fail it shuffled between papers.

    The pairs of every teacher in `qa` are taken. Shuffled, an answer is held against the abstract of another paper
    that has pairs, drawn by `seed`. "passing" and "failing" are shares (0 to 1), of the whole check and of the
    similarity alone; "best_threshold" is where the smaller of the two is largest for the whole check.

    Raises `InputError` for papers or pairs that cannot be read, and for pairs on fewer than two papers.
    """
    by_id = {paper.paper_id: paper for paper in read_papers(papers) if paper.abstract}
    if not qa.is_dir():
        raise InputError(f"--qa {qa}: no such folder; give the folder that holds a folder for each teacher")
    teachers = sorted(path.name for path in qa.iterdir() if path.is_dir())
    pairs = [pair for teacher in teachers for pair in read_pairs(qa, teacher) if pair.paper_id in by_id]
    own = [by_id[pair.paper_id] for pair in pairs]
    several = sorted({paper.paper_id for paper in own})
    if len(several) < 2:
        raise InputError(f"--qa {qa}: has pairs on {len(several)} of the papers; to shuffle them takes two at least")
    draw = random.Random(seed)
    others = [by_id[draw.choice([other for other in several if other != paper.paper_id])] for paper in own]
    answers = [pair.answer for pair in pairs]
    model = load_encoder(encoder)
    found = {
        "as they are": _evidence(model, answers, own),
        "shuffled": _evidence(model, answers, others),
    }

    def shares(threshold: float) -> dict[str, float]:
        passing = [facts and similarity >= threshold for facts, similarity in found["as they are"]]
        failing = [not facts or similarity < threshold for facts, similarity in found["shuffled"]]
        return {
            "threshold": threshold,
            "passing": _mean(passing),
            "failing": _mean(failing),
            "passing_by_similarity": _mean([similarity >= threshold for _, similarity in found["as they are"]]),
            "failing_by_similarity": _mean([similarity < threshold for _, similarity in found["shuffled"]]),
        }

    def worse_share(threshold: float) -> float:
        return min(shares(threshold)["passing"], shares(threshold)["failing"])

    return {
        "pairs": len(pairs),
        "papers": len(several),
        "teachers": teachers,
        "seed": seed,
        "in_force": shares(threshold),
        "best": shares(max(THRESHOLDS, key=worse_share)),
    }


def _evidence(encoder: Any, answers: list[str], papers: list[Paper]) -> list[tuple[bool, float]]:
    """Return for each answer whether the paper holds its numbers and names, and its similarity."""
    similarities = nearest_sentence_similarities(encoder, answers, [paper.abstract for paper in papers])
    evidence = []
    for answer, paper, similarity in zip(answers, papers, similarities, strict=True):
        source = f"{paper.title}. {paper.abstract}"
        facts = not unsupported_numbers(answer, source) and not unsupported_names(answer, source)
        evidence.append((facts, similarity))
    return evidence


def _mean(values: list[bool]) -> float:
    return round(sum(values) / len(values), 4)


def calibration_table(result: dict[str, Any]) -> Table:
    """Return the table of both thresholds for the terminal."""
    from rich.table import Table

    table = Table(
        title=f"Support check: {result['pairs']} pairs on {result['papers']} papers, seed {result['seed']}",
        title_justify="left",
    )
    for heading in ("threshold", "as they are: pass", "shuffled: fail", "by similarity alone: pass", "fail"):
        table.add_column(heading, justify="left" if heading == "threshold" else "right")
    for name, key in (("in force", "in_force"), ("best", "best")):
        row = result[key]
        table.add_row(
            f"{row['threshold']:.2f}, {name}",
            *(
                f"{row[share]:.1%}"
                for share in ("passing", "failing", "passing_by_similarity", "failing_by_similarity")
            ),
        )
    return table
