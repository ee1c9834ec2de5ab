"""Measure a verifier on right and wrong answers to questions on real abstracts.

`python -m tests.bench_verifier --model DIR --answers tests/verification/real_answers.jsonl --papers DIR`. The answers
are joined with the abstracts of the papers in --papers. The first table has the AUROC, the second one the share of
wrong answers that score below the right answer to their question (equal scores count one half). Both compare the
verifier with two scores that need no verifier.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean

from dataset_builder.corpus.papers import read_papers
from dataset_builder.errors import InputError, exit_on_input_error
from dataset_builder.formats import read_records, to_json_line
from dataset_builder.models.packaged import default_encoder
from dataset_builder.tables import as_markdown
from dataset_builder.verification.example import ERROR_KINDS, Example
from dataset_builder.verification.report import baseline_figures
from dataset_builder.verification.separation import auroc, flagged_errors
from dataset_builder.verifier_examples.written import WrittenAnswer

ALL = "all kinds"
# Real abstracts are copyrighted, so the project does not have them.
CRAWL = "python -m dataset_builder crawl --venue isca --years 2022-2024 --out DIR"


def parser() -> argparse.ArgumentParser:
    """Return the command's parser."""
    command = argparse.ArgumentParser(prog="python -m tests.bench_verifier", description=__doc__)
    command.add_argument("--model", required=True, help="folder of a verifier's run, or Hub id")
    command.add_argument("--answers", required=True, type=Path, help="JSON Lines of written answers")
    command.add_argument("--papers", required=True, type=Path, help="folder of VENUE_YEAR.jsonl files with abstracts")
    command.add_argument("--encoder", default=default_encoder(), help="sentence encoder; default: %(default)s")
    return command


def main(arguments: argparse.Namespace) -> None:
    """Score the answers and print the two tables."""
    examples, left_out = read_examples(arguments.answers, arguments.papers)
    papers = len({example.paper_id for example in examples})
    write = sys.stdout.write
    write(f"{len(examples)} answers on {papers} papers\n")
    if left_out:
        write(f"left out, since {arguments.papers} has no abstract of them: {', '.join(left_out)}\n")

    from dataset_builder.grounding.check import nearest_sentence_similarities
    from dataset_builder.models.encoders import load_embed
    from dataset_builder.models.folders import find_encoder
    from dataset_builder.verification.baselines import checks_score

    supports, threshold = verify_examples(arguments.model, examples)
    answers, contexts = [example.answer for example in examples], [example.context for example in examples]
    scores = {
        "verifier": supports,
        "nearest sentence": nearest_sentence_similarities(
            load_embed(find_encoder("--encoder", arguments.encoder)), answers, contexts
        ),
        "checks": [checks_score(example) for example in examples],
    }
    write(f"\nAUROC\n\n{table(examples, {name: aurocs(examples, values) for name, values in scores.items()})}\n")
    below = {name: shares_below_right(examples, values) for name, values in scores.items()}
    write(f"\nwrong answers below the right one\n\n{table(examples, below)}\n")
    labelled = list(zip(examples, supports, strict=True))
    flagged = flagged_errors(
        [support for example, support in labelled if example.is_supported],
        [support for example, support in labelled if not example.is_supported],
        threshold,
    )
    precision = "none" if flagged.precision is None else f"{flagged.precision:.3f}"
    write(f"\nwrong answers below the threshold {threshold:.3f}: precision {precision}, recall {flagged.recall:.3f}\n")


def read_examples(answers: Path, papers: Path) -> tuple[list[Example], list[str]]:
    """Return the answers with their abstracts, and the paper_ids of the answers whose abstract is missing.

    Raises `InputError` for a question without a right and a wrong answer, and if no abstract is found.
    """
    written = [answer for _, answer in read_records(WrittenAnswer, answers, "correct the line")]
    right = {(answer.paper_id, answer.question) for answer in written if answer.error is None}
    wrong = {(answer.paper_id, answer.question) for answer in written if answer.error is not None}
    if unpaired := sorted(right ^ wrong):
        paper_id, question = unpaired[0]
        raise InputError(f"{answers}: {paper_id}: {question!r} lacks a right or a wrong answer; add it")
    abstracts = {paper.paper_id: paper.abstract for paper in read_papers(papers) if paper.abstract}
    examples = [
        Example(answer.paper_id, abstracts[answer.paper_id], answer.question, answer.answer, answer.error)
        for answer in written
        if answer.paper_id in abstracts
    ]
    if not examples:
        raise InputError(f"--papers {papers}: has no abstract of the papers of {answers}; find them: {CRAWL}")
    return examples, sorted({answer.paper_id for answer in written} - abstracts.keys())


def verify_examples(model: str, examples: Sequence[Example]) -> tuple[list[float], float]:
    """Return the support of each example by `eval verify`, and the verifier's threshold."""
    from eval.verify import VerifiedAnswer, verify

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "answers.jsonl"
        lines = [
            VerifiedAnswer(abstract=example.context, question=example.question, answer=example.answer)
            for example in examples
        ]
        path.write_text("".join(map(to_json_line, lines)), encoding="utf-8")
        verified, threshold = verify(model, path)
    return [answer.support for answer in verified if answer.support is not None], threshold


def aurocs(examples: Sequence[Example], scores: Sequence[float]) -> dict[str, float]:
    """Return the AUROC over all kinds and by kind."""
    figures = baseline_figures(examples, scores)
    return {ALL: figures.all_kinds, **figures.by_kind}


def shares_below_right(examples: Sequence[Example], scores: Sequence[float]) -> dict[str, float]:
    """Return the share of wrong answers that score below the right one to their question, in all and by kind."""
    labelled = list(zip(examples, scores, strict=True))
    right = {(example.paper_id, example.question): score for example, score in labelled if example.is_supported}
    results: dict[str, list[float]] = {kind: [] for kind in (ALL, *ERROR_KINDS)}
    for example, score in labelled:
        if example.error:
            # The AUROC of one pair: 1, 0, or one half for equal scores.
            result = auroc([right[example.paper_id, example.question]], [score])
            results[ALL].append(result)
            results[example.error].append(result)
    return {kind: mean(found) for kind, found in results.items() if found}


def table(examples: Sequence[Example], figures: Mapping[str, Mapping[str, float]]) -> str:
    """Return the figures of each score, by kind of error, as a table in Markdown."""
    wrong = Counter(example.error for example in examples if example.error)
    counts = {ALL: wrong.total(), **{kind: wrong[kind] for kind in ERROR_KINDS if kind in wrong}}
    rows = [[kind, str(count), *(f"{by[kind]:.3f}" for by in figures.values())] for kind, count in counts.items()]
    return as_markdown(["kind of error", "wrong answers", *figures], rows)


if __name__ == "__main__":
    with exit_on_input_error():
        main(parser().parse_args())
