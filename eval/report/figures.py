"""Draw the training loss of the evaluated models for the reports."""

import re
import tempfile
from pathlib import Path

from dataset_builder.figures import COLORS, figure
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
