"""Define scores.json, the file that an evaluation writes last: the scores of every system, with intervals."""

import math
from pathlib import Path
from typing import Literal

from pydantic import Field

from dataset_builder.formats import FileFormat, read_format
from eval.prompting import PromptForm
from eval.systems import DecodingMethod, SystemRole

SCORES_FILE = "scores.json"
DECIMALS = 6
# No interval is given for fewer than FEWEST_PAPERS papers: it would be about as wide as the scale. For fewer than
# FEW_PAPERS the report warns that intervals are wide and tests weak.
FEWEST_PAPERS, FEW_PAPERS = 10, 30
# A difference with a smaller corrected p-value is significant, and so is an equivalence.
SIGNIFICANT = 0.05
# Two systems are equivalent if their similarity differs by less than this.
EQUIVALENCE_MARGIN = 0.02
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
    """The mean of a metric over all questions, and by year, kind of question and length of the reference answer."""

    by_year: dict[str, MeanScore]
    by_kind: dict[str, MeanScore]
    by_length: dict[str, MeanScore]


class ConfigScores(FileFormat):
    """The scores of one system or heuristic on the test split of one config, by metric.

    `cut_answers` counts the answers that are cut off at the largest number of tokens. It is None for heuristics, and
    for answers that an older version stored.
    """

    n: int
    papers: int
    cut_answers: int | None = None
    metrics: dict[str, MetricScore] = Field(min_length=1)


class DecodingRecord(FileFormat):
    """How a system's answers were decoded, as its model's generation_config says.

    `greedy` is transformers' `generate` with do_sample=False. `guarded` is the same with the number guard: an answer
    has no number in digits that the abstract and the question lack. An answer ends at the first of `end_tokens`.
    `settings` names the further settings of the generation_config that decide the answers. Only `mbr` (minimum Bayes
    risk) has the keys after these. Of a model behind a server only the method is known.
    """

    method: DecodingMethod
    end_tokens: list[int] | None = None
    repetition_penalty: float = 1.0
    settings: list[str] = Field(default_factory=list)
    samples: int | None = None
    temperature: float | None = None
    seed: int | None = None
    encoder_sha256: str | None = None


class SystemScores(FileFormat):
    """One evaluated system, with its scores by config. `sha256` is over the model's files that decide the answers.

    A `baseline` has a model that this project did not train, a `trained` system one that it did. A `closed-book`
    system does not see the abstract, and is not compared with other systems. A `served` system has a model behind a
    server, whose weights and training are not known: `served_model` is its name on the server, and `sha256` is over
    its address, its name and its settings. Older files have no `role`.
    `examples` are the paper ids of the examples of a few-shot prompt, which has those that fit.
    `cut_abstracts` counts the abstracts whose end was cut off, since the model reads too few tokens.
    `model` is a folder, Hub id or server. It is None in published files, which do not contain folders of the machine
    or addresses.
    """

    model: str | None
    sha256: str
    prompt: PromptForm
    examples: list[str] = Field(default_factory=list)
    decoding: DecodingRecord
    cut_abstracts: int | None = None
    role: SystemRole | None = None
    served_model: str | None = None
    configs: dict[str, ConfigScores] = Field(min_length=1)

    @property
    def is_asked_as_published(self) -> bool:
        """Return whether the model was asked as the code on its card does: plain prompt, greedy decoding."""
        return self.prompt == "plain" and self.decoding.method == "greedy"


class HeuristicScores(FileFormat):
    """The scores of a heuristic baseline (no model) or an upper bound (uses what a model does not have), by config."""

    kind: HeuristicKind
    configs: dict[str, ConfigScores]


class DifferenceScore(MeanScore):
    """The mean paired difference `first` minus `second` of the headline metric, with its permutation test.

    `detectable` is the smallest true difference that the test finds in 80 % of repetitions. `p_equivalent` is the
    corrected p-value of the claim that the true difference is between -0.02 and 0.02. `standard_error` and
    `detectable` are None where the papers are too few. Older files have none of the three.
    """

    first: str
    second: str
    p: float
    p_corrected: float
    standard_error: float | None = None
    detectable: float | None = None
    p_equivalent: float | None = None

    @property
    def is_different(self) -> bool:
        """Return whether the two differ significantly."""
        return self.p_corrected < SIGNIFICANT

    @property
    def is_equivalent(self) -> bool:
        """Return whether the two are equivalent within EQUIVALENCE_MARGIN. They can be different, too, by a little."""
        return self.p_equivalent is not None and self.p_equivalent < SIGNIFICANT

    def opposite(self) -> "DifferenceScore":
        """Return the difference `second` minus `first`."""
        low, high = None if self.high is None else -self.high, None if self.low is None else -self.low
        names = {"first": self.second, "second": self.first}
        return self.model_copy(update={**names, "mean": -self.mean, "low": low, "high": high})


class Agreement(FileFormat):
    """How far the metrics agree: their rank correlations over all answers, and the order of systems by each."""

    spearman: dict[str, dict[str, float]]
    order: dict[str, list[str]]


class VerifierRecord(FileFormat):
    """The verifier that scored the answers. `sha256` is over the files that decide the support.

    An answer is supported if its support is at least `threshold`, which separates the verifier's validation examples
    best. `auroc` is that of its test examples, over all kinds of error.
    """

    sha256: str
    threshold: float
    auroc: float


class ScoresHeader(FileFormat):
    """What the scores were measured with. `date` is the UTC day; the first of `encoders` gives the headline metric.

    `sampled_questions` is the size of the random sample of each config's test questions; None if all were asked.
    Without a verifier, `verifier` is None, and no system has the metrics `support` and `supported`.
    """

    date: str
    dataset: str
    revision: str
    encoders: list[str] = Field(min_length=1)
    cross_encoder: str | None
    verifier: VerifierRecord | None = None
    sampled_questions: int | None = None


class Scores(ScoresHeader):
    """The content of scores.json. Systems and heuristics are by name, differences and agreement by config."""

    systems: dict[str, SystemScores] = Field(min_length=1)
    heuristics: dict[str, HeuristicScores]
    differences: dict[str, list[DifferenceScore]]
    agreement: dict[str, Agreement]


def read_scores(path: Path) -> Scores:
    """Return the scores in `path`; raises `InputError` for a file that cannot be read or is older."""
    return read_format(Scores, path, "run `python -m eval run` again, which keeps the answers that it has")
