"""Define scores.json, the file that an evaluation writes last: the scores of every system, with intervals."""

import math
from pathlib import Path
from typing import Literal

from pydantic import Field

from dataset_builder.formats import FileFormat, read_format
from eval.metrics.lexical import HEADLINE
from eval.prompting import PromptForm
from eval.systems import DecodingMethod, SystemRole

SCORES_FILE = "scores.json"
DECIMALS = 6
# No interval is given for fewer than FEWEST_PAPERS papers: it would be about as wide as the scale. For fewer than
# FEW_PAPERS the report warns that intervals are wide and tests weak.
FEWEST_PAPERS, FEW_PAPERS = 10, 30
# A difference with a smaller corrected p-value is significant.
SIGNIFICANT = 0.05
HeuristicKind = Literal["heuristic baseline", "upper bound"]


class MeanScore(FileFormat):
    """The mean of a metric over questions on papers, and its 95 % interval, None where the papers are too few."""

    mean: float
    low: float | None
    high: float | None
    n: int
    papers: int

    def rounded(self, lowest: float = -math.inf, highest: float = math.inf) -> "MeanScore":
        """Return the rounded score, its interval cut off at the ends of the scale."""
        low = None if self.low is None else round(max(lowest, self.low), DECIMALS)
        high = None if self.high is None else round(min(highest, self.high), DECIMALS)
        return self.model_copy(update={"mean": round(self.mean, DECIMALS), "low": low, "high": high})


class MetricScore(MeanScore):
    """The mean of a metric over all questions, by year of the paper, and by kind of question if there are several."""

    by_year: dict[str, MeanScore]
    by_kind: dict[str, MeanScore] = Field(default_factory=dict)


class ConfigScores(FileFormat):
    """The scores of one system or heuristic on the test split of one config, by metric.

    `cut_answers` counts the answers that are cut off at the largest number of tokens. It is None for heuristics.
    """

    n: int
    papers: int
    cut_answers: int | None = None
    metrics: dict[str, MetricScore] = Field(min_length=1)


class SystemScores(FileFormat):
    """One evaluated system, with its scores by config. `sha256` is over the model's files that decide the answers.

    A `baseline` has a model that this project did not train, a `trained` system one that it did. A `closed-book`
    system does not see the abstract, and is not compared with other systems. A `served` system has a model behind a
    server, whose weights and training are not known: `served_model` is its name on the server, and `sha256` is over
    its address, its name and its settings.
    `decoding` is `greedy` (transformers' `generate` with do_sample=False) or `guarded`, the same with the number
    guard: an answer has no number in digits that the abstract and the question lack.
    `examples` are the paper ids of the examples of a few-shot prompt, which has those that fit.
    `model` is a folder, Hub id or server. It is None in published files, which do not contain folders of the machine
    or addresses.
    """

    model: str | None
    sha256: str
    prompt: PromptForm
    examples: list[str] = Field(default_factory=list)
    decoding: DecodingMethod
    role: SystemRole
    served_model: str | None = None
    configs: dict[str, ConfigScores] = Field(min_length=1)

    @property
    def is_asked_as_published(self) -> bool:
        """Return whether the model was asked as the code on its card does: plain prompt, greedy decoding."""
        return self.prompt == "plain" and self.decoding == "greedy"


class HeuristicScores(FileFormat):
    """The scores of a heuristic baseline (no model) or an upper bound (uses what a model does not have), by config."""

    kind: HeuristicKind
    configs: dict[str, ConfigScores]


class DifferenceScore(MeanScore):
    """The mean paired difference `first` minus `second` of the headline metric, with its permutation test.

    `p_corrected` is corrected for the number of differences in its family: the differences between systems are one
    family, the differences from heuristics another.
    """

    first: str
    second: str
    p: float
    p_corrected: float

    @property
    def is_different(self) -> bool:
        """Return whether the two differ significantly."""
        return self.p_corrected < SIGNIFICANT

    def opposite(self) -> "DifferenceScore":
        """Return the difference `second` minus `first`."""
        low, high = None if self.high is None else -self.high, None if self.low is None else -self.low
        names = {"first": self.second, "second": self.first}
        return self.model_copy(update={**names, "mean": -self.mean, "low": low, "high": high})


class ScoresHeader(FileFormat):
    """What the scores were measured with. `date` is the UTC day; the first of `encoders` gives the headline metric.

    `sampled_questions` is the size of the random sample of each config's test questions; None if all were asked.
    """

    date: str
    dataset: str
    revision: str
    encoders: list[str] = Field(min_length=1)
    sampled_questions: int | None = None


class Scores(ScoresHeader):
    """The content of scores.json. Systems and heuristics are by name, differences by config."""

    systems: dict[str, SystemScores] = Field(min_length=1)
    heuristics: dict[str, HeuristicScores]
    differences: dict[str, list[DifferenceScore]]

    @property
    def compared_systems(self) -> list[str]:
        """Return the systems that are compared with each other: all but those that do not see the abstract."""
        return [name for name, system in self.systems.items() if system.role != "closed-book"]

    def differences_by_pair(self, config: str) -> dict[tuple[str, str], DifferenceScore]:
        """Return each difference on one config by the names of its systems, in both directions."""
        found = {(score.first, score.second): score for score in self.differences[config]}
        return found | {(score.second, score.first): score.opposite() for score in self.differences[config]}

    def gains(self, config: str) -> list[DifferenceScore]:
        """Return the paired difference of each trained system from the best baseline on one config.

        That is the baseline with the highest mean similarity, the first one in a tie.
        """
        means = {
            name: system.configs[config].metrics[HEADLINE].mean
            for name, system in self.systems.items()
            if system.role == "baseline" and config in system.configs
        }
        baseline = max(means, key=means.__getitem__, default=None)
        found = self.differences_by_pair(config)
        return [
            found[name, baseline]
            for name, system in self.systems.items()
            if system.role == "trained" and baseline is not None and (name, baseline) in found
        ]


def read_scores(path: Path) -> Scores:
    """Return the scores in `path`; raises `InputError` for a file that cannot be read."""
    return read_format(Scores, path, "run `python -m eval run` again, which keeps the answers that it has")
