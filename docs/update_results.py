"""Write the examples and tables that README.md and docs/ show, from the tracked files in results/.

    python -m docs.update_results

A page marks each such part with `<!-- results: NAME -->` and `<!-- end of results -->`. The script replaces the
text between the two lines and leaves the rest of the page as it is.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from dataset_builder.errors import InputError, exit_on_input_error
from dataset_builder.files import write_text
from docs.recipe_tables import other_seeds, recipe_note, recipe_scores
from docs.results import CHANCE, CONFIGS, REPOSITORY, TRAINED, Example, Results, interval
from eval.analysis.scores import ConfigScores
from eval.metrics.lexical import HEADLINE

BLOCK = re.compile(r"(?<=<!-- results: )([a-z ]+)( -->\n).*?(?=<!-- end of results -->)", re.DOTALL)
SCORE_HEADER = ["| system | test by `plain` | test by `detailed` |", "| --- | ---: | ---: |"]


def update(text: str, results: Results) -> str:
    """Return a page's text with every marked part written anew."""

    def write(match: re.Match[str]) -> str:
        if match[1] not in PARTS:
            raise InputError(f"<!-- results: {match[1]} -->: unknown part; choose from: {', '.join(PARTS)}")
        return f"{match[1]}{match[2]}\n{PARTS[match[1]](results)}\n"

    return BLOCK.sub(write, text)


def pages() -> Iterator[Path]:
    """Yield the pages that may hold marked parts."""
    yield REPOSITORY / "README.md"
    yield from sorted((REPOSITORY / "docs").glob("*.md"))


def good_example(results: Results) -> str:
    """Return the README's example: a question, the reference answer, the best baseline's answer and LoRA's."""
    return _example(results.run.good_example, (results.best_overall(results.baselines), "lora"))


def wrong_example(results: Results) -> str:
    """Return an example of a wrong answer with a high score."""
    return _example(results.run.wrong_example, ("lora",))


def headline_table(results: Results) -> str:
    """Return the scores of all systems, the best heuristic baseline and the highest upper bound."""
    lines = [
        *SCORE_HEADER,
        _heuristic_row(results, results.best_overall(results.heuristic_baselines)),
        *(f"| **{name}** | {_scores(system.configs)} |" for name, system in results.scores.systems.items()),
        _heuristic_row(results, results.best_overall(results.upper_bounds)),
    ]
    return "\n".join([*lines, "", _source(results)]) + "\n"


def full_table(results: Results) -> str:
    """Return the scores of all systems and heuristics, with the cost of training."""
    lines = [
        "| system | test by `plain` | test by `detailed` | training time | trained parameters | peak memory |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        *(f"{_heuristic_row(results, name)}  |  |  |" for name in results.heuristic_baselines),
    ]
    for name, system in results.scores.systems.items():
        cost = ["", "", ""]
        if name in results.metrics:
            metrics = results.metrics[name]
            memory = f"{metrics.peak_memory_bytes / 2**30:.1f} GiB"
            cost = [_duration(metrics.train_seconds), f"{metrics.trainable_parameters:,}", memory]
        lines.append(f"| **{name}** | {_scores(system.configs)} | {' | '.join(cost)} |")
    lines += [f"{_heuristic_row(results, name)}  |  |  |" for name in results.upper_bounds]
    return "\n".join([*lines, "", _source(results)]) + "\n"


def gains(results: Results) -> str:
    """Return how far trained systems are above the best baselines, and what the scores rest on."""

    def against(name: str, others: list[str]) -> str:
        best = [(config, results.best(others, config)) for config in CONFIGS]
        shown = " and ".join(dict.fromkeys(f"`{other}`" for _, other in best))
        gains = [f"{_gain(results, name, other, config)} by `{config}`" for config, other in best]
        return f"{shown}: {', '.join(gains)}"

    lines = [
        f"- `{name}` compared with the best baseline, {against(name, results.baselines)}; with the best heuristic "
        f"baseline, {against(name, results.heuristic_baselines)}."
        for name in TRAINED
    ]
    full, lora = TRAINED
    lines += [
        f"- `{full}` compared with {against(full, [lora])}{other_seeds(results, full)}.",
        f"- {recipe_note(results)}",
    ]
    if any(CHANCE in line for line in lines):
        lines.append(
            f"- {CHANCE}: may be chance (p of 0.05 or more after correction for the number of comparisons in the same "
            "test; for other seeds, the 95 % confidence interval contains 0)."
        )
    return "\n".join([*lines, _corpus_size(results)]) + "\n"


def _corpus_size(results: Results) -> str:
    run = results.run
    questions = " and ".join(f"{count:,} (`{config}`)" for config, count in run.test_pairs.items())
    asked = results.scores.sampled_questions
    metrics = results.metrics[TRAINED[0]]
    return (
        f"- Training: {run.train_pairs:,} `{run.teacher}` pairs on {run.train_papers:,} papers, "
        f"{metrics.epochs:.2g} epochs, seed {metrics.seed}. Test: {questions} questions on {run.test_papers:,} papers"
        f"{f', of which {asked} for each config were asked' if asked else ''}."
    )


PARTS: dict[str, Callable[[Results], str]] = {
    "good example": good_example,
    "wrong example": wrong_example,
    "headline table": headline_table,
    "full table": full_table,
    "gains": gains,
    "recipe scores": recipe_scores,
}


def _heuristic_row(results: Results, name: str) -> str:
    entry = results.scores.heuristics[name]
    return f"| {entry.kind}: {name} | {_scores(entry.configs)} |"


def _scores(configs: dict[str, ConfigScores]) -> str:
    return " | ".join(interval(configs[config].metrics[HEADLINE]) for config in CONFIGS)


def _gain(results: Results, first: str, second: str, config: str) -> str:
    gain = results.mean(first, config) - results.mean(second, config)
    return f"{gain:+.3f}{'' if results.is_clear(first, second, config) else CHANCE}"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 600 else f"{seconds / 60:.0f} min"


def _source(results: Results) -> str:
    run = results.run
    return f"Source: `{run.command}` at commit {run.commit} on {run.date}, on {run.machine}."


def _example(example: Example, systems: tuple[str, ...]) -> str:
    lines = [
        "| | |",
        "| --- | --- |",
        f"| question | {_cell(example.question)} (on: {_cell(example.title)}, {example.year}) |",
        f"| reference answer | {_cell(example.reference)} |",
    ]
    for system in systems:
        answer = example.answers[system]
        lines.append(f"| {system}, similarity {answer.similarity:.2f} | {_cell(answer.text)} |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def main() -> None:
    """Write every page whose marked parts changed."""
    results = Results()
    for page in pages():
        before = page.read_text(encoding="utf-8")
        after = update(before, results)
        if after != before:
            write_text(page, after)


if __name__ == "__main__":
    argparse.ArgumentParser(prog="python -m docs.update_results", description=__doc__).parse_args()
    with exit_on_input_error():
        main()
