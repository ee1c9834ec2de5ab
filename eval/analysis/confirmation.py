"""Compare a recipe with LoRA by every measure, and compute which share of its gain other measures confirm.

A recipe is trained, or its epoch or its answers are chosen, by some of the measures. Its gain is the mean paired
difference from LoRA in the headline metric, over the questions of all configs. Such a gain can be a weakness of the
measure that was optimized (https://arxiv.org/abs/2210.10760). So it is compared with the gains in the measures that
took no part.

Measures have different scales and different values for a useless answer. So each gain is divided by the standard
deviation of LoRA's values of the same measure, which depends on neither. The gain in a measure, divided by the gain in
the headline metric and limited to the range from 0 to 1, is the part of the gain that this measure confirms. A measure
that does not rise confirms nothing, and a measure that rises more does not make up for another one. The confirmed
share is the mean of these parts over the measures that took no part.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev

from eval.analysis.scores import DECIMALS, MeanScore
from eval.analysis.statistics import estimate
from eval.metrics.lexical import HEADLINE, SUPPORTED
from eval.metrics.predictions import ScoredAnswers

# A longer or a shorter answer is not a better one, so the length cannot confirm a gain.
LENGTH = "length_ratio"
CONFIRMING = ("cosine_similarity_2", "rouge_l", "token_f1", "number_match", SUPPORTED)
# The measures of a ledger, in the order of tables.
MEASURES = (HEADLINE, *CONFIRMING, LENGTH)


@dataclass(frozen=True)
class PairedAnswers:
    """The scored answers of a recipe and of LoRA to the same questions of one config."""

    recipe: ScoredAnswers
    lora: ScoredAnswers

    def pairs(self, measure: str) -> Iterator[tuple[float, float, str]]:
        """Yield recipe's value, LoRA's value and the paper of each question for which both have the measure."""
        if measure not in self.recipe.values or measure not in self.lora.values:
            return
        values, lora_values = self.recipe.values[measure], self.lora.values[measure]
        for value, lora_value, paper in zip(values, lora_values, self.recipe.papers, strict=True):
            if value is not None and lora_value is not None:
                yield value, lora_value, paper

    def difference(self, measure: str) -> MeanScore | None:
        """Return the mean paired difference of the recipe minus LoRA; None for a measure that the answers lack."""
        pairs = list(self.pairs(measure))
        if not pairs:
            return None
        differences = [value - lora_value for value, lora_value, _ in pairs]
        return estimate(differences, [paper for *_, paper in pairs]).rounded()


def confirmed_share(answers: Mapping[str, PairedAnswers], used: Collection[str]) -> float | None:
    """Return the share of the gain, from 0 to 1, that the measures outside `used` confirm; see the module.

    `answers` are by config. The result is None if the mean similarity is not above LoRA's, so that there is no gain,
    and if no other measure can be computed.
    """
    gain = _standardized_gain(list(answers.values()), HEADLINE)
    if gain is None or gain <= 0:
        return None
    others = [_standardized_gain(list(answers.values()), measure) for measure in CONFIRMING if measure not in used]
    parts = [min(1.0, max(0.0, other / gain)) for other in others if other is not None]
    return round(fmean(parts), DECIMALS) if parts else None


def _standardized_gain(answers: Sequence[PairedAnswers], measure: str) -> float | None:
    """Return the mean difference in standard deviations of LoRA's values; None without a value or a deviation."""
    pairs = [pair for config in answers for pair in config.pairs(measure)]
    deviation = pstdev([lora_value for _, lora_value, _ in pairs]) if pairs else 0.0
    return fmean(value - lora_value for value, lora_value, _ in pairs) / deviation if deviation else None
