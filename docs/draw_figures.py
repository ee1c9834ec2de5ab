"""Draw the figures of README.md and docs/ into docs/images/, each for a light and a dark page.

python -m docs.draw_figures
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataset_builder.errors import exit_on_input_error
from dataset_builder.files import replacing, sha256_of_text
from docs.results import CONFIGS, HEADLINE, REPOSITORY, Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes

IMAGES = REPOSITORY / "docs/images"
# The stages of the pipeline: name, what it reads and makes, command.
STAGES = (
    ("crawl", "papers and\nabstracts", "dataset_builder crawl"),
    ("generate", "question-answer\npairs", "dataset_builder generate"),
    ("build", "corpus with\ntrain, validation, test", "dataset_builder build"),
    ("train", "full model,\nLoRA adapter", "training sft"),
    ("evaluate", "answers, scores,\nreport", "eval run"),
    ("publish", "cards, corpus and\nmodels on the Hub", "model_cards publish"),
)


@dataclass(frozen=True)
class Theme:
    """The colours of a figure. The three accents come from Okabe and Ito, for any colour vision."""

    name: str
    text: str
    muted: str
    accents: dict[str, str]


THEMES = (
    Theme(
        "light", "#1f2328", "#59636e", {"heuristic baseline": "#777777", "system": "#0072B2", "upper bound": "#B35000"}
    ),
    Theme(
        "dark", "#f0f6fc", "#9198a1", {"heuristic baseline": "#9198a1", "system": "#56B4E9", "upper bound": "#E69F00"}
    ),
)


def main() -> None:
    """Draw every figure for every theme."""
    IMAGES.mkdir(exist_ok=True)
    rows = result_rows(Results())
    for theme in THEMES:
        draw_pipeline(theme)
        draw_results(theme, rows)


def draw_pipeline(theme: Theme) -> None:
    """Draw the stages from papers to published models as boxes and arrows."""
    from matplotlib.patches import FancyBboxPatch

    with figure(f"pipeline-{theme.name}.svg", theme, width=10, height=1.5, source=repr(STAGES)) as axes:
        axes.set_axis_off()
        axes.set(xlim=(-0.05, len(STAGES) - 0.05), ylim=(0, 1))
        for column, (name, product, command) in enumerate(STAGES):
            box = FancyBboxPatch(
                (column + 0.06, 0.34),
                0.76,
                0.58,
                boxstyle="round,pad=0.03",
                facecolor="none",
                edgecolor=theme.accents["system"],
            )
            axes.add_patch(box)
            axes.text(column + 0.44, 0.77, name, ha="center", va="center", weight="bold", color=theme.text)
            axes.text(column + 0.44, 0.51, product, ha="center", va="center", fontsize=8, color=theme.text)
            axes.text(column + 0.44, 0.14, command, ha="center", va="center", fontsize=7.5, color=theme.muted)
            if column:
                axes.annotate(
                    "",
                    (column + 0.03, 0.63),
                    (column - 0.15, 0.63),
                    arrowprops={"arrowstyle": "->", "color": theme.muted},
                )


@dataclass(frozen=True)
class ResultRow:
    """One line of the figure: a system or heuristic, and by config its mean with the ends of its interval."""

    name: str
    kind: str
    scores: dict[str, tuple[float, float, float]]

    @property
    def label(self) -> str:
        """Return the name, with the kind if it is not a system."""
        return self.name if self.kind == "system" else f"{self.name} ({self.kind})"


def result_rows(results: Results) -> list[ResultRow]:
    """Return the lines of the figure of results: heuristic baselines, systems, upper bounds."""
    scores = results.scores
    entries = [
        *((name, "heuristic baseline", scores.heuristics[name].configs) for name in results.heuristic_baselines),
        *((name, "system", system.configs) for name, system in scores.systems.items()),
        *((name, "upper bound", scores.heuristics[name].configs) for name in results.upper_bounds),
    ]
    rows = []
    for name, kind, configs in entries:
        by_config = {}
        for config in CONFIGS:
            score = configs[config].metrics[HEADLINE]
            # Few papers have no interval.
            low, high = (score.mean if end is None else end for end in (score.low, score.high))
            by_config[config] = (score.mean, low, high)
        rows.append(ResultRow(name, kind, by_config))
    return rows


def draw_results(theme: Theme, rows: list[ResultRow]) -> None:
    """Draw the similarity of every system and heuristic, with its 95 % interval, for both test teachers."""
    height = 0.9 + 0.32 * len(rows)
    with figure(f"results-{theme.name}.svg", theme, width=8, height=height, source=repr(rows)) as axes:
        for line, row in enumerate(rows):
            for offset, (config, (mean, low, high)) in zip((-0.14, 0.14), row.scores.items(), strict=True):
                axes.errorbar(
                    mean,
                    line + offset,
                    xerr=[[mean - low], [high - mean]],
                    fmt="o" if config == "plain" else "s",
                    color=theme.accents[row.kind],
                    markersize=5,
                    markerfacecolor=None if config == "plain" else "none",
                )
        axes.set_yticks(range(len(rows)), [row.label for row in rows])
        axes.invert_yaxis()
        axes.set_xlabel("cosine similarity to the reference answer, with 95 % interval")
        axes.grid(axis="x", color=theme.muted, alpha=0.25)
        for marker, fill, config in (("o", theme.muted, "plain"), ("s", "none", "detailed")):
            axes.plot([], [], marker, color=theme.muted, markerfacecolor=fill, label=f"test by {config}")
        axes.legend(frameon=False, labelcolor=theme.text, loc="best")


@contextmanager
def figure(name: str, theme: Theme, width: float, height: float, source: str) -> Iterator[Axes]:
    """Yield the axes of a figure, then write it; its description holds the SHA-256 of `source`."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    style: dict[Any, Any] = {
        **dict.fromkeys(("axes.labelcolor", "xtick.color", "ytick.color"), theme.text),
        "axes.edgecolor": theme.muted,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "font.size": 9,
        "svg.hashsalt": "isca-qa",
    }
    with rc_context(style):
        drawn = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasSVG(drawn)
        yield drawn.subplots()
        with replacing(IMAGES / name) as temporary:
            metadata = {"Date": None, "Description": sha256_of_text(source)}
            drawn.savefig(temporary, format="svg", transparent=True, metadata=metadata)


def figure_sources() -> dict[Path, str]:
    """Return the hash that each figure's description must hold."""
    sources = {"pipeline": repr(STAGES), "results": repr(result_rows(Results()))}
    return {
        IMAGES / f"{name}-{theme.name}.svg": sha256_of_text(source)
        for name, source in sources.items()
        for theme in THEMES
    }


if __name__ == "__main__":
    argparse.ArgumentParser(prog="python -m docs.draw_figures", description=__doc__).parse_args()
    with exit_on_input_error():
        main()
