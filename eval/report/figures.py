"""Draw the report's figures: training loss, and similarity by year of the paper and system."""

import re
import tempfile
from pathlib import Path

from dataset_builder.figures import COLORS, figure
from eval.analysis.scores import Scores
from eval.metrics.lexical import HEADLINE
from eval.run_metrics import RunMetrics

TRAINING_LOSS = "training_loss"


def draw_training_loss(folder: Path, metrics: dict[str, RunMetrics]) -> None:
    """Draw the training loss of each system by epoch as a line, and its validation loss as points.

    `metrics` are by system. Other losses than the cross entropy are left out, and nothing is drawn without any.
    """
    drawn = {name: run for name, run in metrics.items() if run.has_cross_entropy}
    if not drawn:
        return
    with figure(folder / TRAINING_LOSS, width=7) as (axes,):
        for number, (name, run) in enumerate(drawn.items(), start=1):
            color = COLORS[number % len(COLORS)]
            steps = run.loss_by_step
            axes.plot([step.epoch for step in steps], [step.loss for step in steps], color=color, label=name)
            if validated := run.validation_losses:
                label = f"{name}, validation"
                axes.plot(list(validated), list(validated.values()), "o", color=color, label=label)
        axes.set(title="Loss on the answers", xlabel="epoch", ylabel="cross entropy, nats per token")
        axes.set_ylim(bottom=0)
        axes.legend(frameon=False)


def training_loss_svg(metrics: dict[str, RunMetrics]) -> str:
    """Return the figure of the training loss as an SVG element for an HTML page; empty if nothing is drawn."""
    if not any(run.has_cross_entropy for run in metrics.values()):
        return ""
    with tempfile.TemporaryDirectory() as folder:
        draw_training_loss(Path(folder), metrics)
        text = (Path(folder) / f"{TRAINING_LOSS}.svg").read_text(encoding="utf-8")
    return re.sub(
        r"<metadata>.*?</metadata>| xmlns(:\w+)?=\"[^\"]*\"", "", text[text.index("<svg") :], flags=re.DOTALL
    )


def draw_similarity_by_year(folder: Path, scores: Scores) -> None:
    """Draw the mean similarity of each system by year with its 95 % confidence interval, one panel for each config."""
    systems = scores.systems
    configs = list(dict.fromkeys(config for system in systems.values() for config in system.configs))
    width = 0.8 / len(systems)
    all_years = [
        year
        for system in systems.values()
        for config in system.configs.values()
        for year in config.metrics[HEADLINE].by_year.values()
    ]
    bottom = min([0.0, *(year.mean if year.low is None else year.low for year in all_years)])
    with figure(folder / "similarity_by_year", width=4.5 * len(configs), panels=len(configs)) as panels:
        for axes, config in zip(panels, configs, strict=True):
            for position, (name, system) in enumerate(systems.items()):
                years = list(system.configs[config].metrics[HEADLINE].by_year.values())
                centers = [index + (position - (len(systems) - 1) / 2) * width for index in range(len(years))]
                color = COLORS[position % len(COLORS)]
                bars = axes.bar(centers, [year.mean for year in years], width=width * 0.92, color=color, label=name)
                axes.bar_label(bars, fmt="%.2f", fontsize=7, label_type="center")
                for center, year in zip(centers, years, strict=True):
                    if year.low is not None and year.high is not None:
                        spans = [[year.mean - year.low], [year.high - year.mean]]
                        axes.errorbar([center], [year.mean], spans, fmt="none", ecolor="0.25", elinewidth=0.8)
            by_year = next(iter(systems.values())).configs[config].metrics[HEADLINE].by_year
            axes.set_xticks(range(len(by_year)), [f"{name}\n{year.n} questions" for name, year in by_year.items()])
            axes.set(title=f"Test by {config}", ylim=(bottom, 1))
        panels[0].set_ylabel("mean cosine similarity")
        panels[0].legend(frameon=False, ncols=min(3, len(systems)), loc="upper left")
