"""Build the tables that the terminal, the reports and the cards share. The first cell of a row is its heading."""

from dataclasses import dataclass

from dataset_builder.tables import Table
from eval.analysis.scores import FEW_PAPERS, ConfigScores, MeanScore, Scores
from eval.metrics.lexical import HEADLINE, SHARES, title
from eval.prompting import PLAIN
from eval.run_metrics import RunMetrics

SYSTEM = "system"


@dataclass(frozen=True)
class Entry:
    """One row of a table of scores: a system, a heuristic baseline or an upper bound, with its scores by config.

    `remark` is the kind of an entry that is not a system, and the prompt of a system if it is not the plain prompt.
    """

    name: str
    kind: str
    configs: dict[str, ConfigScores]
    remark: str = ""

    @property
    def label(self) -> str:
        """Return the name, with the remark in brackets."""
        return f"{self.name} ({self.remark})" if self.remark else self.name


def entries(scores: Scores) -> list[Entry]:
    """Return the rows of every table of scores, in its order: heuristic baselines, systems, upper bounds."""
    heuristics = [
        Entry(name, heuristic.kind, heuristic.configs, heuristic.kind) for name, heuristic in scores.heuristics.items()
    ]
    systems = [
        Entry(name, SYSTEM, system.configs, "" if system.prompt == PLAIN.form else f"{system.prompt} prompt")
        for name, system in scores.systems.items()
    ]
    return [
        *(entry for entry in heuristics if entry.kind == "heuristic baseline"),
        *systems,
        *(entry for entry in heuristics if entry.kind == "upper bound"),
    ]


def scores_by_config(scores: Scores) -> dict[str, ConfigScores]:
    """Return for each config the scores of the first system evaluated on it, which count its test questions."""
    found: dict[str, ConfigScores] = {}
    for system in scores.systems.values():
        found |= {config: entry for config, entry in system.configs.items() if config not in found}
    return found


def comparison(scores: Scores, metrics: dict[str, RunMetrics]) -> Table:
    """Return the main table: the similarity of each entry by config, and what the training of each system took.

    `metrics` are by trained system. If there are none, the columns on training are left out.
    """
    configs = list(scores_by_config(scores))
    training = ["training time", "trained parameters", "peak memory"] if metrics else []
    return ["", *(f"{title(HEADLINE)}, test by {config}" for config in configs), *training], [
        [
            entry.label,
            *(_metric_cell(entry.configs.get(config), HEADLINE) for config in configs),
            *(_training_cells(metrics.get(entry.name) if entry.kind == SYSTEM else None) if metrics else []),
        ]
        for entry in entries(scores)
    ]


def gain_table(scores: Scores) -> Table:
    """Return the gain of each trained system over the best baseline, which can be another one on each config.

    There is no row if there is nothing to compare.
    """
    columns: dict[str, dict[str, str]] = {}
    for config in scores_by_config(scores):
        if found := scores.gains(config):
            columns[f"test by {config}, over {found[0].second}"] = {gain.first: with_interval(gain) for gain in found}
    names = dict.fromkeys(name for cells in columns.values() for name in cells)
    return ["gain in similarity", *columns], [
        [name, *(cells.get(name, "") for cells in columns.values())] for name in names
    ]


def metric_table(scores: Scores, config: str) -> Table:
    """Return every metric of each entry on one config, and how many answers are cut off if this is known."""
    names = list(scores_by_config(scores)[config].metrics)
    shown = [entry for entry in entries(scores) if config in entry.configs]
    cut = {entry.label: count for entry in shown if (count := entry.configs[config].cut_answers) is not None}
    return ["", *map(title, names), *(["cut answers"] if cut else [])], [
        [
            entry.label,
            *(_metric_cell(entry.configs[config], name) for name in names),
            *([str(cut.get(entry.label, ""))] if cut else []),
        ]
        for entry in shown
    ]


def number_table(scores: Scores) -> Table:
    """Return the metrics on numbers of each entry by config; no row if the scores have none."""
    columns = [
        (config, metric)
        for config in scores_by_config(scores)
        for metric in SHARES
        if any(metric in entry.configs[config].metrics for entry in entries(scores) if config in entry.configs)
    ]
    return ["", *(f"{title(metric)}, test by {config}" for config, metric in columns)], [
        [entry.label, *(_metric_cell(entry.configs.get(config), metric) for config, metric in columns)]
        for entry in entries(scores)
        if columns
    ]


def difference_table(scores: Scores, config: str) -> Table:
    """Return the paired differences in similarity on one config, with their p-values."""
    return ["difference", "mean", "p", "p after Holm's correction"], [
        [
            f"{difference.first} \N{MINUS SIGN} {difference.second}",
            with_interval(difference),
            f"{difference.p:.4f}",
            f"{difference.p_corrected:.4f}",
        ]
        for difference in scores.differences[config]
    ]


def year_table(scores: Scores, config: str) -> Table:
    """Return the similarity of each entry by year of the paper on one config."""
    by_entry = {
        entry.label: entry.configs[config].metrics[HEADLINE].by_year
        for entry in entries(scores)
        if config in entry.configs
    }
    years = scores_by_config(scores)[config].metrics[HEADLINE].by_year
    return ["year of the paper", *(year_label(year, score) for year, score in years.items())], [
        [label, *(with_interval(own[year]) if year in own else "" for year in years)]
        for label, own in by_entry.items()
    ]


def kind_table(scores: Scores, config: str) -> Table:
    """Return the similarity of each entry by kind of question on one config; no columns if there is one kind only."""
    by_entry = {
        entry.label: entry.configs[config].metrics[HEADLINE].by_kind
        for entry in entries(scores)
        if config in entry.configs
    }
    kinds = scores_by_config(scores)[config].metrics[HEADLINE].by_kind
    return ["kind of question", *kinds], [
        [label, *(with_interval(own[kind]) if kind in own else "" for kind in kinds)]
        for label, own in by_entry.items()
    ]


def loss_table(metrics: RunMetrics) -> Table:
    """Return the losses of a run by epoch."""
    return ["epoch", "training loss", "validation loss", "validation similarity"], [
        [str(epoch.epoch), *map(_number, (epoch.train_loss, epoch.validation_loss, epoch.validation_similarity))]
        for epoch in metrics.loss_by_epoch
    ]


def year_label(year: str, score: MeanScore) -> str:
    """Return the heading of a year with its number of questions, and its papers if they are few."""
    few = f", only {_counted(score.papers, 'paper')}" if score.papers < FEW_PAPERS else ""
    return f"{year} ({_counted(score.n, 'question')}{few})"


def with_interval(score: MeanScore) -> str:
    """Return a mean with its 95 % confidence interval, "0.616 [0.598, 0.634]", or only the mean if it has none."""
    interval = "" if score.low is None or score.high is None else f" [{_number(score.low)}, {_number(score.high)}]"
    return f"{_number(score.mean)}{interval}"


def _metric_cell(scores: ConfigScores | None, metric: str) -> str:
    return with_interval(scores.metrics[metric]) if scores and metric in scores.metrics else ""


def _training_cells(metrics: RunMetrics | None) -> list[str]:
    if metrics is None:
        return ["", "", ""]
    return [
        f"{metrics.train_seconds:,.0f} s",
        f"{metrics.trainable_parameters:,}",
        f"{metrics.peak_memory_bytes / 2**30:.1f} GiB",
    ]


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _number(value: float | None) -> str:
    # Adding 0.0 turns -0.0 into 0.0.
    return "" if value is None else f"{round(value, 3) + 0.0:.3f}"
