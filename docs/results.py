"""Write the score tables of README.md and docs/evaluation.md and the figure in docs/images/ from results/*.json.

python -m docs.results --runs runs/reproduce
"""

import argparse
import re
from pathlib import Path

from dataset_builder.errors import exit_on_input_error
from dataset_builder.files import write_text
from dataset_builder.formats import FileFormat, read_format, write_format
from eval.analysis.scores import SCORES_FILE, ConfigScores, MeanScore, Scores, read_scores
from eval.metrics.lexical import HEADLINE
from eval.run_metrics import read_environment, read_run_metrics

REPOSITORY = Path(__file__).resolve().parents[1]
SCORES, RUN = REPOSITORY / "results/open_corpus.json", REPOSITORY / "results/open_corpus_run.json"
CONFIGS = ("plain", "detailed")
TRAINED = ("full", "lora")
TABLE = re.compile(r"(?<=<!-- results -->\n).*?(?=<!-- end of results -->)", re.DOTALL)
# Text and accents for a light and a dark page. The accents come from Okabe and Ito, for any colour vision.
THEMES = {
    "light": ("#1f2328", {"heuristic baseline": "#777777", "system": "#0072B2", "upper bound": "#B35000"}),
    "dark": ("#f0f6fc", {"heuristic baseline": "#9198a1", "system": "#56B4E9", "upper bound": "#E69F00"}),
}


class RecordedRun(FileFormat):
    """Where the scores come from, and the cells of each training: its time, trained parameters and peak memory."""

    commit: str
    machine: str
    costs: dict[str, list[str]]


def record(runs: Path, base: str) -> None:
    """Write the scores of a run, without the folders of this machine, and what its trainings took."""
    scores = read_scores(runs / "eval" / SCORES_FILE)
    systems = {name: system.model_copy(update={"model": None}) for name, system in scores.systems.items()}
    public = scores.model_copy(update={"dataset": Path(scores.dataset).name, "systems": systems})
    costs = {}
    for name in TRAINED:
        metrics = read_run_metrics(runs / f"{base}-{name}")
        minutes, gibibytes = metrics.train_seconds / 60, metrics.peak_memory_bytes / 2**30
        costs[name] = [f"{minutes:.0f} min", f"{metrics.trainable_parameters:,}", f"{gibibytes:.1f} GiB"]
    environment = read_environment(runs / f"{base}-{TRAINED[0]}")
    write_format(SCORES, public)
    write_format(RUN, RecordedRun(commit=environment.commit, machine=environment.device, costs=costs))


def labelled_scores(scores: Scores) -> list[tuple[str, str, dict[str, ConfigScores]]]:
    """Return (kind, name, scores by config) of every heuristic baseline, then every system, then every upper bound."""
    systems = [("system", name, system.configs) for name, system in scores.systems.items()]
    others = [(entry.kind, name, entry.configs) for name, entry in scores.heuristics.items()]
    # The names of the kinds are in this order, too.
    return sorted([*others, *systems], key=lambda row: row[0])


def interval(score: MeanScore) -> str:
    """Return a mean with its confidence interval, if it has one."""
    return f"{score.mean:.3f}" + ("" if score.low is None else f" ({score.low:.3f} to {score.high:.3f})")


def score_table(scores: Scores, run: RecordedRun) -> str:
    """Return the scores of all systems and heuristics as Markdown, with the cost of each training."""
    lines = ["| system | test by `plain` | test by `detailed` | training | trained parameters | peak memory |"]
    lines.append("| --- | ---: | ---: | ---: | ---: | ---: |")
    for kind, name, configs in labelled_scores(scores):
        means = " | ".join(interval(configs[config].metrics[HEADLINE]) for config in CONFIGS)
        label = f"**{name}**" if kind == "system" else f"{kind}: {name}"
        lines.append(f"| {label} | {means} | {' | '.join(run.costs.get(name, ['', '', '']))} |")
    source = f"Source: `make reproduce` at commit {run.commit} on {scores.date}, on {run.machine}."
    return "\n".join(["", *lines, "", source, "", ""])


def draw(scores: Scores, path: Path, text: str, accents: dict[str, str]) -> None:
    """Draw the similarity of every system and heuristic, with its interval, for both tests."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    rows = labelled_scores(scores)
    colours = dict.fromkeys(("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), text)
    with rc_context({**colours, "font.size": 9, "svg.hashsalt": "isca-qa"}):
        figure = Figure(figsize=(8, 0.9 + 0.32 * len(rows)), layout="constrained")
        axes = figure.subplots()
        for line, (kind, _, configs) in enumerate(rows):
            for offset, marker, config in ((-0.14, "o", "plain"), (0.14, "s", "detailed")):
                score = configs[config].metrics[HEADLINE]
                low, high = (score.mean if end is None else end for end in (score.low, score.high))
                errors = [[score.mean - low], [high - score.mean]]
                label = f"test by {config}" if line == 0 else None
                axes.errorbar(score.mean, line + offset, xerr=errors, fmt=marker, color=accents[kind], label=label)
        axes.set_yticks(range(len(rows)), [name if kind == "system" else f"{name} ({kind})" for kind, name, _ in rows])
        axes.invert_yaxis()
        axes.set_xlabel("cosine similarity to the reference answer, with 95 % interval")
        axes.legend(frameon=False)
        figure.savefig(path, format="svg", transparent=True, metadata={"Date": None})


def main() -> None:
    """Record a run if one is given, then write every table and figure."""
    parser = argparse.ArgumentParser(prog="python -m docs.results", description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=Path, metavar="DIR", help="record the finished `make reproduce` in this folder")
    parser.add_argument("--base", default="smollm2", help="base model: the beginning of the training folders' names")
    arguments = parser.parse_args()
    if arguments.runs:
        record(arguments.runs, arguments.base)
    scores = read_scores(SCORES)
    run = read_format(RecordedRun, RUN, "write it again: make reproduce")
    for page in (REPOSITORY / "README.md", REPOSITORY / "docs/evaluation.md"):
        before = page.read_text(encoding="utf-8")
        write_text(page, TABLE.sub(lambda _: score_table(scores, run), before))
    for theme, (text, accents) in THEMES.items():
        draw(scores, REPOSITORY / f"docs/images/results-{theme}.svg", text, accents)


if __name__ == "__main__":
    with exit_on_input_error():
        main()
