"""What the pages say about recorded results: the best baseline, and how far a trained system is above it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from docs.recipe_tables import other_seeds, recipe_note, recipe_scores
from docs.results import Results
from docs.update_results import gains, good_example, headline_table
from eval.analysis.ledger import LedgerLine, write_ledger
from eval.analysis.scores import MeanScore
from tests.conftest import REPOSITORY

MEANS = {
    "baseline": (0.3, 0.45),
    "baseline-chat": (0.5, 0.35),
    "full": (0.65, 0.6),
    "lora": (0.6, 0.625),
    # Above every baseline, but it is not a baseline.
    "lora-closed-book": (0.9, 0.9),
}
HEURISTICS = {"first sentence": (0.55, 0.5), "question repeated": (0.4, 0.2), "other teacher's answer": (0.7, 0.7)}


@pytest.fixture
def results(tmp_path: Path) -> Results:
    """Return results with the means above and one seed; only `full` and `baseline-chat` differ clearly."""
    shutil.copytree(REPOSITORY / "results", tmp_path, dirs_exist_ok=True)
    write_ledger(tmp_path / "ledger.jsonl", [line for line in Results().ledger if line.seed == 0])
    path = tmp_path / "open_corpus.json"
    content = json.loads(path.read_text())
    system = content["systems"]["baseline"]
    content["systems"] = {name: _with_means(system, means) for name, means in MEANS.items()}
    content["heuristics"] = {name: _with_means(content["heuristics"][name], HEURISTICS[name]) for name in HEURISTICS}
    difference = content["differences"]["plain"][0] | {"first": "baseline-chat", "second": "full", "p_corrected": 0.04}
    content["differences"] = {"plain": [difference], "detailed": [difference | {"p_corrected": 0.05}]}
    path.write_text(json.dumps(content))
    run = json.loads((tmp_path / "open_corpus_run.json").read_text())
    answers = run["good_example"]["answers"]
    answers["baseline-chat"] = {"text": "A cache | with\nbanks.", "similarity": 0.5}
    (tmp_path / "open_corpus_run.json").write_text(json.dumps(run))
    return Results(tmp_path)


def _with_means(entry: dict[str, object], means: tuple[float, float]) -> dict[str, object]:
    entry = json.loads(json.dumps(entry))
    for config, mean in zip(("plain", "detailed"), means, strict=True):
        entry["configs"][config]["metrics"]["cosine_similarity"] |= {"mean": mean, "low": None, "high": None}
    return entry


def test_gains_are_over_the_best_baseline_of_each_config(results: Results) -> None:
    """0.65 - 0.5 and 0.6 - 0.45, over another baseline in each config; what may be chance is marked."""
    full, lora, both, recipes, note = gains(results).splitlines()[:5]
    assert full == (
        "- `full` compared with the best baseline, `baseline-chat` and `baseline`: +0.150 by `plain`, +0.150† by "
        "`detailed`; with the best heuristic baseline, `first sentence`: +0.100† by `plain`, +0.100† by `detailed`."
    )
    assert "baseline, `baseline-chat` and `baseline`: +0.100† by `plain`, +0.175† by `detailed`; with" in lora
    assert both == "- `full` compared with `lora`: +0.050† by `plain`, -0.025† by `detailed`."
    assert recipes.startswith("- [More recipes](docs/training.md#")
    assert note.startswith("- †: may be chance")


def test_headline_table_has_every_system(results: Results) -> None:
    """Between the best heuristic baseline and the upper bound; without an interval where there is none."""
    rows = headline_table(results).splitlines()[2:9]
    assert [row.split(" | ")[0].strip("| *") for row in rows] == [
        "heuristic baseline: first sentence",
        *MEANS,
        "upper bound: other teacher's answer",
    ]
    assert rows[3] == "| **full** | 0.650 | 0.600 |"


def test_example_shows_the_best_baseline(results: Results) -> None:
    """0.85 in both configs together against 0.75; the answer fits into a cell of the table."""
    assert "| baseline-chat, similarity 0.50 | A cache \\| with banks. |" in good_example(results)


def test_recipes_without_a_line_and_without_a_confirmed_gain_are_named(results: Results, tmp_path: Path) -> None:
    """In the README's sentence and in the table. A share of one half is confirmed; LoRA has no share.

    A gain may be chance if the lower ends of its intervals have a mean that is not above 0.
    """
    full, lora = Results().ledger[:2]
    full = _with_lows(full, 0.01, -0.005)
    lines = {"full": full.model_copy(update={"confirmed_share": 0.5}), "lora": lora}
    for name, share in (("dpo", 0.499), ("grpo", None), ("mbr", 0.0)):
        lines[name] = full.model_copy(update={"recipe": name, "confirmed_share": share, "training_minutes": None})
    lines["mbr"] = _with_lows(lines["mbr"], 0.005, -0.01)
    write_ledger(tmp_path / "ledger.jsonl", list(lines.values()))
    results = Results(tmp_path)
    note = recipe_note(results)
    assert (
        "These gains over LoRA in similarity are **not confirmed** by other measures: `smollm2-dpo`, MBR decoding of "
        "`smollm2-lora`." in note
    )
    rows = recipe_scores(results).splitlines()[2:10]
    cells = {row.split(" | ")[0].strip("| "): row.strip("| ").split(" | ")[3:] for row in rows}
    waiting = {name: row for name, row in zip(cells, rows, strict=True) if "not measured yet" in row}
    assert list(waiting) == [f"`smollm2-{name}`" for name in ("neftune", "dft", "best-of-n")]
    assert {name: own for name, own in cells.items() if name not in waiting} == {
        "`smollm2-full`": ["50 %", f"{full.training_minutes:.0f} min"],
        "`smollm2-lora`": ["", f"{lora.training_minutes:.0f} min"],
        "`smollm2-dpo`": ["**not confirmed**: 50 %", "none"],
        "`smollm2-grpo`": ["no gain", "none"],
        "MBR decoding of `smollm2-lora`": ["**not confirmed**: 0 %; may be chance", "none"],
    }


def _with_lows(line: LedgerLine, *lows: float) -> LedgerLine:
    """Return the line with other lower ends of the differences in similarity, by config."""
    configs = {}
    for (config, measures), low in zip(line.configs.items(), lows, strict=True):
        score = measures["cosine_similarity"]
        difference = score.difference.model_copy(update={"low": low})
        configs[config] = measures | {"cosine_similarity": score.model_copy(update={"difference": difference})}
    return line.model_copy(update={"configs": configs})


def test_seeds_of_a_recipe_are_one_row(results: Results, tmp_path: Path) -> None:
    """With the score of each seed and their mean, in the order of the seeds; the other tables show the first seed."""
    full, lora = Results().ledger[:2]
    full = _with_lows(full, 0.01, 0.0)
    assert (full.seed, lora.seed, full.base) == (0, 0, "smollm2")
    write_ledger(tmp_path / "ledger.jsonl", [full, lora])
    assert "| seeds |" not in recipe_scores(Results(tmp_path))
    configs = {
        config: {
            **measures,
            "cosine_similarity": measures["cosine_similarity"].model_copy(
                update={"mean": 0.25, "difference": MeanScore(mean=-0.75, low=None, high=None, n=1, papers=1)}
            ),
        }
        for config, measures in full.configs.items()
    }
    second = full.model_copy(update={"seed": 1, "configs": configs, "confirmed_share": None})
    write_ledger(tmp_path / "ledger.jsonl", [second, full, lora])
    text = recipe_scores(Results(tmp_path))
    score = full.configs["plain"]["cosine_similarity"]
    difference = score.difference.mean
    mean, mean_difference = (score.mean + 0.25) / 2, (difference - 0.75) / 2
    row = next(line for line in text.splitlines() if line.startswith("| `smollm2-full` | 0, 1 | "))
    assert row.split(" | ")[2] == (
        f"{score.mean:.3f}, 0.250; mean {mean:.3f}<br>{difference:+.3f}, -0.750; mean {mean_difference:+.3f}"
    )
    assert row.endswith(" | 100 %<br>no gain |")
    # The overview, the seeds, and the measures by each config.
    rows = [line.split(" | ")[0] for line in text.splitlines()]
    assert (rows.count("| `smollm2-full`"), rows.count("| `smollm2-lora`")) == (4, 3)
    assert other_seeds(Results(tmp_path), "full") == "; with seed 1: -0.750† by `plain`, -0.750† by `detailed`"
    dpo = [line.model_copy(update={"recipe": "dpo", "confirmed_share": None}) for line in (full, second)]
    write_ledger(tmp_path / "ledger.jsonl", [lora, *dpo])
    plain, detailed = (
        (full.configs[config]["cosine_similarity"].difference.mean - 0.75) / 2 for config in ("plain", "detailed")
    )
    assert recipe_note(Results(tmp_path)).endswith(
        f" `smollm2-dpo` compared with LoRA: {plain:+.3f} by `plain`, {detailed:+.3f} by `detailed`, "
        "as a mean over 2 seeds."
    )
    unclear = _with_lows(full, 0.01, -0.02)
    write_ledger(tmp_path / "ledger.jsonl", [unclear, unclear.model_copy(update={"seed": 1}), lora])
    assert other_seeds(Results(tmp_path), "full").endswith(
        " by `detailed`. Over both tests, the difference with each seed may be chance"
    )
    measured = {
        config: {measure: score.model_copy(update={"difference": None}) for measure, score in measures.items()}
        for config, measures in full.configs.items()
    }
    other = lora.model_copy(update={"configs": measured})
    assert "Compared with another adapter" not in recipe_scores(Results(tmp_path))
    write_ledger(tmp_path / "ledger.jsonl", [full, other])
    assert "- Compared with another adapter of the same LoRA recipe and seed: `smollm2-full`." in recipe_scores(
        Results(tmp_path)
    )
    write_ledger(tmp_path / "ledger.jsonl", [second, full, lora])
    assert other_seeds(Results(tmp_path), "lora") == other_seeds(Results(tmp_path), "dpo") == ""


def test_recipe_that_needs_a_gpu_has_no_row_until_it_is_measured(results: Results, tmp_path: Path) -> None:
    """It is named below the table."""
    full = Results().ledger[0]
    write_ledger(tmp_path / "ledger.jsonl", [full])
    without = Results(tmp_path)
    write_ledger(tmp_path / "ledger.jsonl", [full, full.model_copy(update={"recipe": "grpo"})])
    measured = Results(tmp_path)
    sentence = "`smollm2-grpo` is too slow on a CPU, needs a GPU, and is not measured yet."
    assert recipe_scores(without).endswith(f"\n- {sentence}\n")
    assert "| `smollm2-grpo` |" not in recipe_scores(without)
    assert sentence not in recipe_scores(measured)
    assert "| `smollm2-grpo` |" in recipe_scores(measured)


def test_recipes_are_shown_with_their_difference_from_lora(results: Results) -> None:
    """The mean and the difference of each measure, with intervals; LoRA has no difference."""
    full, lora = (line.configs["detailed"]["token_f1"] for line in results.ledger[:2])
    text = recipe_scores(results)
    assert f"| {full.mean:.3f} ({full.low:.3f} to {full.high:.3f})<br>{full.difference.mean:+.3f} (" in text
    assert f"| {lora.mean:.3f} ({lora.low:.3f} to {lora.high:.3f}) |" in text
    assert full.difference.mean == pytest.approx(full.mean - lora.mean, abs=1e-5)
