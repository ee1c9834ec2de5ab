"""Write the tables of docs/training.md that compare the recipes, and the README's sentence on them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from statistics import fmean

from docs.results import CHANCE, CONFIGS, TRAINED, Results, interval
from eval.analysis.confirmation import MEASURES
from eval.analysis.ledger import LedgerLine, MeasureScore
from eval.analysis.scores import MeanScore
from eval.metrics.lexical import HEADLINE, title
from training.comparison.recipes import GRPO, LORA, MBR, STAGES

# The base model whose recipes the tables show, measured or not.
BASE = "smollm2"
MISSING = "not measured yet"
# Too slow on a CPU (RESULTS.md), so without a line they have no row.
NEED_GPU = (GRPO,)
UNCONFIRMED = "**not confirmed**"
MAY_BE_CHANCE = "may be chance"
PAGE = "docs/training.md#compare-recipes"
TESTS = " | ".join(f"similarity, test by `{config}`" for config in CONFIGS)
# A difference that shows in a table, with three decimals.
VISIBLE = 0.001


def recipe_scores(results: Results) -> str:
    """Return what each recipe gains over LoRA and what that costs, by one seed and by all; then its scores by measure.

    The scores by every measure are by config, and of the first seed.
    """
    overview = [f"| recipe | {TESTS} | gain confirmed | training |", "| --- | ---: | ---: | --- | ---: |"]
    for name, line in _rows(results):
        cells = [MISSING, *[""] * (len(CONFIGS) + 1)]
        if line:
            cells = [*(_scores(line, config, HEADLINE) for config in CONFIGS), _confirmed(line), _minutes(line)]
        overview.append(_row(name, line, cells))
    parts = ["\n".join(overview), *_over_seeds(results)]
    for config in CONFIGS:
        known = {measure for line in results.ledger for measure in line.configs.get(config, {})}
        measures = [measure for measure in MEASURES if measure != HEADLINE and measure in known]
        table = [
            f"| test by `{config}` | {' | '.join(map(title, measures))} |",
            f"| --- |{' ---: |' * len(measures)}",
            *(
                _row(name, line, [_scores(line, config, measure) for measure in measures])
                for name, line in _rows(results)
                if line
            ),
        ]
        parts.append("\n".join(table))
    return "\n\n".join([*parts, _sources(results)]) + "\n"


def recipe_note(results: Results) -> str:
    """Return a link to the tables, the mean gains over several seeds, and the gains that are not confirmed."""
    unconfirmed = ", ".join(_label_of(line) for line in results.ledger if line.is_unconfirmed)
    gains = f" These gains over LoRA in similarity are {UNCONFIRMED} by other measures: {unconfirmed}."
    means = "".join(_mean_gain(lines) for lines in _repeated(results) if lines[0].recipe not in TRAINED)
    return f"[More recipes]({PAGE}) were compared.{means}{gains if unconfirmed else ''}"


def _mean_gain(lines: Sequence[LedgerLine]) -> str:
    """Return a sentence with the mean gain of a recipe over LoRA, of the lines of its seeds."""
    found = {config: [line.configs[config][HEADLINE].difference for line in lines] for config in CONFIGS}
    shown = (
        f"{fmean(score.mean for score in scores if score):+.3f} by `{config}`" for config, scores in found.items()
    )
    label = _label(lines[0].recipe, lines[0].base)
    return f" {label} compared with LoRA: {', '.join(shown)}, as a mean over {len(lines)} seeds."


def other_seeds(results: Results, name: str) -> str:
    """Return a clause with a system's differences from LoRA with other seeds; nothing without any.

    A difference whose interval contains 0 has a mark.
    """
    lines = [line for line in _by_base(results, name).get(BASE, []) if line.seed != results.metrics[name].seed]
    if not lines:
        return ""
    found = {config: [line.configs[config][HEADLINE].difference for line in lines] for config in CONFIGS}
    shown = (
        f"{' and '.join(f'{score.mean:+.3f}{_chance_mark(score)}' for score in scores if score)} by `{config}`"
        for config, scores in found.items()
    )
    numbers = " and ".join(str(line.seed) for line in lines)
    seeds = f"; with seed{'s' if len(lines) > 1 else ''} {numbers}: {', '.join(shown)}"
    is_unclear = all(map(_may_be_chance, _by_base(results, name)[BASE]))
    return f"{seeds}. Over both tests, the difference with each seed {MAY_BE_CHANCE}" if is_unclear else seeds


def _chance_mark(difference: MeanScore) -> str:
    low, high = difference.low, difference.high
    return CHANCE if low is None or high is None or low <= 0 <= high else ""


def _rows(results: Results) -> list[tuple[str, LedgerLine | None]]:
    """Return the line of the first seed of each recipe, in the order of the recipes; None for one of BASE without."""
    rows: list[tuple[str, LedgerLine | None]] = []
    for name in STAGES:
        seeds = _by_base(results, name)
        if name not in NEED_GPU and BASE not in seeds:
            rows.append((name, None))
        rows += [(name, lines[0]) for lines in seeds.values()]
    return rows


def _by_base(results: Results, name: str) -> dict[str, list[LedgerLine]]:
    """Return the lines of a recipe by base model, each list in the order of the seeds."""
    lines = sorted((line for line in results.ledger if line.recipe == name), key=lambda line: line.seed)
    return {base: [line for line in lines if line.base == base] for base in dict.fromkeys(line.base for line in lines)}


def _over_seeds(results: Results) -> list[str]:
    """Return a table of the recipes that were trained with several seeds; nothing without one.

    The difference of a seed is from LoRA with the same seed.
    """
    table = [f"| recipe | seeds | {TESTS} | gain confirmed |", "| --- | --- | ---: | ---: | --- |"]
    for lines in _repeated(results):
        name, base = lines[0].recipe, lines[0].base
        seeds = ", ".join(str(line.seed) for line in lines)
        scores = [_scores_by_seed([line.configs[config][HEADLINE] for line in lines]) for config in CONFIGS]
        shares = "" if name == LORA else "<br>".join(map(_confirmed, lines))
        table.append(f"| {_label(name, base)} | {' | '.join([seeds, *scores, shares])} |")
    return ["\n".join(table)] if len(table) > 2 else []


def _repeated(results: Results) -> list[list[LedgerLine]]:
    """Return the lines of each recipe that was trained with several seeds, in the order of the recipes."""
    return [lines for name in STAGES for lines in _by_base(results, name).values() if len(lines) > 1]


def _scores_by_seed(scores: Sequence[MeasureScore]) -> str:
    """Return the score of each seed and their mean, and below it the differences from LoRA and their mean."""
    shown = _with_mean([score.mean for score in scores], ".3f")
    differences = [score.difference.mean for score in scores if score.difference]
    return f"{shown}<br>{_with_mean(differences, '+.3f')}" if differences else shown


def _with_mean(values: Sequence[float], form: str) -> str:
    return f"{', '.join(f'{value:{form}}' for value in values)}; mean {fmean(values):{form}}"


def _needs_gpu(results: Results) -> list[str]:
    """Return a sentence for each recipe without a line that needs a GPU."""
    measured = {line.recipe for line in results.ledger if line.base == BASE}
    problem = "is too slow on a CPU, needs a GPU, and is not measured yet"
    return [f"{_label(name)} {problem}." for name in NEED_GPU if name not in measured]


def _row(name: str, line: LedgerLine | None, cells: list[str]) -> str:
    return f"| {_label_of(line) if line else _label(name)} | {' | '.join(cells)} |"


def _label(name: str, base: str = BASE) -> str:
    return f"MBR decoding of `{base}-{LORA}`" if name == MBR else f"`{base}-{name}`"


def _label_of(line: LedgerLine) -> str:
    label = _label(line.recipe, line.base)
    return f"{label} (seed {line.seed})" if line.seed else label


def _scores(line: LedgerLine, config: str, measure: str) -> str:
    """Return the mean with its interval, and below it the difference from LoRA with its own."""
    score = line.configs.get(config, {}).get(measure)
    if score is None:
        return ""
    shown = interval(score, ".3f")
    return f"{shown}<br>{interval(score.difference, '+.3f')}" if score.difference else shown


def _confirmed(line: LedgerLine) -> str:
    if line.confirmed_share is None:
        return "" if line.recipe == LORA else "no gain"
    share = f"{line.confirmed_share * 100:.0f} %"
    if line.is_unconfirmed:
        return f"{UNCONFIRMED}: {share}{f'; {MAY_BE_CHANCE}' if _may_be_chance(line) else ''}"
    return MAY_BE_CHANCE if _may_be_chance(line) else share


def _may_be_chance(line: LedgerLine) -> bool:
    """Return whether the gain over the questions of all tests may be chance.

    It may if the mean of the lower ends of the tests' intervals is not above 0. The interval of the gain itself begins
    at this mean or higher, however the tests are correlated.
    """
    found = [measures[HEADLINE].difference for measures in line.configs.values()]
    lows = [(score.low, score.n) for score in found if score and score.low is not None]
    return len(lows) < len(found) or sum(low * n for low, n in lows) <= 0


def _minutes(line: LedgerLine) -> str:
    return "none" if line.training_minutes is None else f"{line.training_minutes:.0f} min"


def _sources(results: Results) -> str:
    """Return where the lines come from, and which recipes need a GPU.

    A line comes from a machine and a commit, with the keys that differ from the recipe's file.
    """
    found: dict[str, list[str]] = {}
    for line in results.ledger:
        machine = line.environment
        changed = ", ".join(f"`{key}: {json.dumps(value)}`" for key, value in line.changed_keys.items())
        source = (
            f"{machine.device} ({machine.devices} process{'es' if machine.devices > 1 else ''}, {machine.threads} "
            f"thread{'s' if machine.threads > 1 else ''} each), commit {machine.commit}, seed {line.seed}"
            f"{f', with {changed}' if changed else ''}"
        )
        found.setdefault(source, []).append(_label(line.recipe, line.base))
    sources = [f"{', '.join(names)}: {source}." for source, names in found.items()]
    return "\n".join(f"- {sentence}" for sentence in (*sources, *_other_adapters(results), *_needs_gpu(results)))


def _other_adapters(results: Results) -> list[str]:
    """Return a sentence on the lines that are compared with another adapter of LoRA than the one in the table.

    A second training at the same commit gives an adapter with the same scores, which is not another one.
    """
    shown = {
        (line.base, line.seed, config): measures[HEADLINE].mean
        for line in results.ledger
        if line.recipe == LORA
        for config, measures in line.configs.items()
    }
    others = []
    for line in results.ledger:
        for config, measures in line.configs.items():
            score, lora = measures[HEADLINE], shown.get((line.base, line.seed, config))
            if score.difference and lora is not None and abs(score.mean - score.difference.mean - lora) >= VISIBLE:
                others.append(_label_of(line))
    names = ", ".join(dict.fromkeys(others))
    return [f"Compared with another adapter of the same LoRA recipe and seed: {names}."] if others else []
