"""Write the examples and tables that README.md and docs/ show, from the tracked files in results/.

    python -m docs.update_results

A page marks each such part with `<!-- results: NAME -->` and `<!-- end of results -->`. The script replaces the
text between the two lines and leaves the rest of the page as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from dataset_builder.errors import InputError, exit_on_input_error
from dataset_builder.files import write_text
from docs.results import (
    REPOSITORY,
    Example,
    TranscribedScore,
    real_abstracts,
    sample_metrics,
    sample_run,
    sample_scores,
)
from eval.analysis.scores import MeanScore

BLOCK = re.compile(r"(?<=<!-- results: )([a-z ]+)( -->\n).*?(?=<!-- end of results -->)", re.DOTALL)
CONFIGS = ("plain", "detailed")
HEADLINE = "cosine_similarity"
KIND_TITLES = {
    "heuristic baseline": "heuristic baseline: {}",
    "system": "{}",
    "upper bound": "upper bound: {}",
}


def update(text: str) -> str:
    """Return a page's text with every marked part written anew."""

    def write(match: re.Match[str]) -> str:
        if match[1] not in PARTS:
            raise InputError(f"<!-- results: {match[1]} -->: unknown part; choose from: {', '.join(PARTS)}")
        return f"{match[1]}{match[2]}\n{PARTS[match[1]]()}\n"

    return BLOCK.sub(write, text)


def pages() -> Iterator[Path]:
    """Yield the pages that may hold marked parts."""
    yield REPOSITORY / "README.md"
    yield from sorted((REPOSITORY / "docs").glob("*.md"))


def good_example() -> str:
    """Return the README's example: a question, the reference answer, an untrained and a trained model's answer."""
    return _example(sample_run().good_example, ("baseline", "lora"))


def wrong_example() -> str:
    """Return an example of a wrong answer with a high score."""
    return _example(sample_run().wrong_example, ("lora",))


def sample_table() -> str:
    """Return the scores of the run on the sample, with the cost of training and the source of the figures."""
    scores, run = sample_scores(), sample_run()
    lines = [
        "| system | test by `plain` | test by `detailed` | training time | trainable parameters | peak memory |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    entries = [(KIND_TITLES[entry.kind].format(name), entry) for name, entry in scores.heuristics.items()]
    lines += [
        _row(title, [entry.configs[config].metrics[HEADLINE] for config in CONFIGS], ["", "", ""])
        for title, entry in entries
        if entry.kind == "heuristic baseline"
    ]
    for name, system in scores.systems.items():
        metrics = sample_metrics(name)
        cost = ["", "", ""]
        if metrics:
            cost = [
                f"{metrics.train_seconds:.0f} s",
                f"{metrics.trainable_parameters:,}",
                f"{metrics.peak_memory_bytes / 2**30:.1f} GiB",
            ]
        lines.append(_row(f"**{name}**", [system.configs[config].metrics[HEADLINE] for config in CONFIGS], cost))
    lines += [
        _row(title, [entry.configs[config].metrics[HEADLINE] for config in CONFIGS], ["", "", ""])
        for title, entry in entries
        if entry.kind == "upper bound"
    ]
    lines += ["", f"Source: `{run.command}` at commit {run.commit} on {run.date}, on {run.machine}."]
    return "\n".join(lines) + "\n"


def headline_table() -> str:
    """Return the scores on real abstracts of the systems, the best heuristic baseline and the lowest upper bound."""
    systems = real_abstracts().systems

    def plain_score(name: str) -> float:
        return systems[name].configs["plain"].mean

    best_heuristic = max((name for name in systems if systems[name].kind == "heuristic baseline"), key=plain_score)
    lowest_bound = min((name for name in systems if systems[name].kind == "upper bound"), key=plain_score)
    shown = [name for name in systems if systems[name].kind == "system" or name in (best_heuristic, lowest_bound)]
    record = real_abstracts()
    source = f"Source: {record.machine}; trained at commit {record.trained_at}, evaluated at {record.evaluated_at}."
    return f"{_real_table(shown)}\n{source}\n"


def real_table() -> str:
    """Return the scores on real abstracts, as RESULTS.md has them."""
    return _real_table(list(real_abstracts().systems))


def _real_table(names: list[str]) -> str:
    lines = ["| system | test by `plain` | test by `detailed` |", "| --- | ---: | ---: |"]
    for name in names:
        system = real_abstracts().systems[name]
        title = f"**{name}**" if system.kind == "system" else KIND_TITLES[system.kind].format(name)
        lines.append(_row(title, [system.configs[config] for config in CONFIGS], []))
    return "\n".join(lines) + "\n"


PARTS: dict[str, Callable[[], str]] = {
    "good example": good_example,
    "wrong example": wrong_example,
    "sample table": sample_table,
    "headline table": headline_table,
    "real table": real_table,
}


def _row(title: str, means: Sequence[MeanScore | TranscribedScore], cells: list[str]) -> str:
    return "| " + " | ".join([title, *map(_interval, means), *cells]) + " |"


def _interval(score: MeanScore | TranscribedScore) -> str:
    interval = "" if score.low is None or score.high is None else f" ({score.low:.3f} to {score.high:.3f})"
    return f"{score.mean:.3f}{interval}"


def _example(example: Example, systems: tuple[str, ...]) -> str:
    lines = [
        "| | |",
        "| --- | --- |",
        f"| question | {example.question} (on: {example.title}, {example.year}) |",
        f"| reference answer | {example.reference} |",
    ]
    for system in systems:
        answer = example.answers[system]
        text = " ".join(answer.text.split())
        lines.append(f"| {system}, similarity {answer.similarity:.2f} | {text} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write every page whose marked parts changed."""
    for page in pages():
        before = page.read_text(encoding="utf-8")
        after = update(before)
        if after != before:
            write_text(page, after)


if __name__ == "__main__":
    with exit_on_input_error():
        main()
