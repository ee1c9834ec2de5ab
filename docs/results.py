"""Define the tracked files in results/, from which README.md and docs/ take their figures."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from dataset_builder.formats import FileFormat, read_format
from eval.analysis.ledger import LedgerLine, read_ledger
from eval.analysis.scores import MeanScore, Scores, read_scores
from eval.metrics.lexical import HEADLINE
from eval.run_metrics import RunMetrics

REPOSITORY = Path(__file__).resolve().parents[1]
RESULTS = REPOSITORY / "results"
SCORES_NAME, RUN_NAME, LEDGER_NAME = "open_corpus.json", "open_corpus_run.json", "ledger.jsonl"
CONFIGS = ("plain", "detailed")
# The names that `make reproduce` gives to its systems. The other baselines have a suffix, as `baseline-chat`.
TRAINED = ("full", "lora")
BASELINE = "baseline"
# The mark of a difference that may be chance.
CHANCE = "\N{DAGGER}"
REMEDY = "write it again: make reproduce"


class ExampleAnswer(FileFormat):
    """The answer of a system to a question, and its similarity to the reference answer (-1 to 1)."""

    text: str
    similarity: float


class Example(FileFormat):
    """A test question on a paper, its reference answer, and the answers by system."""

    config: str
    paper_id: str
    question: str
    title: str
    year: int
    reference: str
    answers: dict[str, ExampleAnswer]


class RecordedRun(FileFormat):
    """Where the figures of results/open_corpus.json come from, the size of the corpus, and two examples of answers.

    `teacher` wrote the training pairs. `test_pairs` are by config.
    """

    date: str
    commit: str
    command: str
    machine: str
    teacher: str
    train_papers: int
    train_pairs: int
    test_papers: int
    test_pairs: dict[str, int]
    good_example: Example
    wrong_example: Example


class Results:
    """The recorded results: the scores, the metrics of each trained system, the record of the run, and the ledger."""

    def __init__(self, folder: Path = RESULTS) -> None:
        self.scores: Scores = read_scores(folder / SCORES_NAME)
        self.metrics: dict[str, RunMetrics] = {
            name: read_format(RunMetrics, folder / metrics_name(name), REMEDY) for name in TRAINED
        }
        self.run: RecordedRun = read_format(RecordedRun, folder / RUN_NAME, REMEDY)
        self.ledger: list[LedgerLine] = read_ledger(folder / LEDGER_NAME)

    @property
    def baselines(self) -> list[str]:
        """Return the names of the baselines: the base model, by its prompts."""
        return [name for name in self.scores.systems if name.split("-")[0] == BASELINE]

    @property
    def heuristic_baselines(self) -> list[str]:
        """Return the names of the heuristic baselines."""
        return [name for name, entry in self.scores.heuristics.items() if entry.kind == "heuristic baseline"]

    @property
    def upper_bounds(self) -> list[str]:
        """Return the names of the upper bounds."""
        return [name for name, entry in self.scores.heuristics.items() if entry.kind == "upper bound"]

    def mean(self, name: str, config: str) -> float:
        """Return the mean similarity of a system or heuristic on a config."""
        entry = self.scores.systems.get(name) or self.scores.heuristics[name]
        return entry.configs[config].metrics[HEADLINE].mean

    def best(self, names: Iterable[str], config: str) -> str:
        """Return the name with the highest mean similarity on a config."""
        return max(names, key=lambda name: self.mean(name, config))

    def best_overall(self, names: Iterable[str]) -> str:
        """Return the name with the highest mean similarity over all configs."""
        return max(names, key=lambda name: sum(self.mean(name, config) for config in CONFIGS))

    def is_clear(self, first: str, second: str, config: str) -> bool:
        """Return whether the corrected p-value of the difference between two systems is below 0.05."""
        return any(
            {difference.first, difference.second} == {first, second} and difference.is_different
            for difference in self.scores.differences[config]
        )


def interval(score: MeanScore, form: str = ".3f") -> str:
    """Return a mean with its confidence interval, if it has one."""
    # The sign of an end that is rounded to 0 shows whether the interval contains 0.
    shown = "" if score.low is None or score.high is None else f" ({score.low:{form}} to {score.high:{form}})"
    return f"{score.mean:{form}}{shown}"


def metrics_name(system: str) -> str:
    """Return the name of the file with the metrics of a trained system."""
    return f"open_corpus_{system}.json"
