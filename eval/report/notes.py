"""Compose the notes that report.md, report.html and the model cards share. notes.yaml has the sentences."""

from pathlib import Path
from typing import Any

import yaml

from dataset_builder.prompt import MAX_ANSWER_TOKENS
from dataset_builder.tables import Table
from eval.analysis.scores import FEW_PAPERS, FEWEST_PAPERS, Scores, SystemScores
from eval.prompting import PLAIN
from eval.report.tables import scores_by_config

NOTES: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "notes.yaml").read_text(encoding="utf-8"))
# Report and notes call a difference significant whose corrected p-value is smaller.
SIGNIFICANT = 0.05
INTERVALS = NOTES["intervals"].format(FEW_PAPERS=FEW_PAPERS, FEWEST_PAPERS=FEWEST_PAPERS)
METRICS = NOTES["metrics"].format(MAX_ANSWER_TOKENS=MAX_ANSWER_TOKENS, NUMBERS=NOTES["numbers"])


def decoding_note(scores: Scores) -> str:
    """Return the sentences on how the systems' answers were decoded."""
    sentences = [f"Answers have at most {MAX_ANSWER_TOKENS} tokens and are decoded greedily in float32."]
    for name, system in scores.systems.items():
        if system.decoding.method == "mbr":
            sentences.append(
                f"{name} uses minimum Bayes risk (MBR) decoding instead. It samples {system.decoding.samples} answers "
                f"at temperature {system.decoding.temperature:g} and returns the answer that is most similar to all "
                "of them by the first encoder. The same encoder computes the similarity, so check a gain with the "
                "other metrics."
            )
    if guarded := [name for name, system in scores.systems.items() if system.decoding.method == "guarded"]:
        sentences.append(f"{NOTES['guarded']} Systems with this guard: {', '.join(guarded)}.")
    return " ".join(sentences)


def prompt_note(scores: Scores) -> str:
    """Return the sentences on the prompts of the systems; empty if every system has the plain prompt."""
    by_form: dict[str, list[str]] = {}
    for name, system in scores.systems.items():
        by_form.setdefault(system.prompt, []).append(name)
    return " ".join(
        f"{form.capitalize()} prompt ({', '.join(by_form[form])}): {sentence}"
        for form, sentence in NOTES["prompts"].items()
        if form in by_form and by_form.keys() != {PLAIN.form}
    )


def verifier_note(scores: Scores) -> str:
    """Return the sentences on the support of answers; empty without a verifier."""
    if scores.verifier is None:
        return ""
    return str(NOTES["verifier"].format(threshold=scores.verifier.threshold, auroc=scores.verifier.auroc))


def system_note(name: str, system: SystemScores) -> str:
    """Return one line about a system: its model, its prompt and its decoding."""
    model = f" {system.model}" if system.model else ""
    return (
        f"{name}: model{model} with SHA-256 {system.sha256}, {system.prompt} prompt, {system.decoding.method} decoding"
    )


def measured_note(scores: Scores) -> str:
    """Return the sentences on when and on what the scores were measured, and by which verifier."""
    verifier = f" The verifier has the SHA-256 {scores.verifier.sha256}." if scores.verifier else ""
    return f"The scores were measured on {scores.date} (UTC), on revision {scores.revision} of the corpus.{verifier}"


def warnings(scores: Scores) -> list[str]:
    """Return warnings on how far the scores can be trusted."""
    return list(filter(None, (_sample_warning(scores), _few_papers_warning(scores), _undetectable_warning(scores))))


def _sample_warning(scores: Scores) -> str:
    sampled = any(entry.n == scores.sampled_questions for entry in scores_by_config(scores).values())
    return f"Random sample: at most {scores.sampled_questions} questions of each test were asked." if sampled else ""


def _few_papers_warning(scores: Scores) -> str:
    few = [
        f"{config} ({entry.papers} papers)"
        for config, entry in scores_by_config(scores).items()
        if entry.papers < FEW_PAPERS
    ]
    advice = f"or missing, and tests find only large differences. Use at least {FEW_PAPERS} papers."
    return f"Few test papers: {', '.join(few)}. Intervals are wide {advice}" if few else ""


def _undetectable_warning(scores: Scores) -> str:
    from eval.analysis.statistics import smallest_p

    undetectable = []
    for config, differences in scores.differences.items():
        between = [difference for difference in differences if difference.second in scores.systems]
        families = (between, [difference for difference in differences if difference not in between])
        smallest = [len(family) * smallest_p(max(score.papers for score in family)) for family in families if family]
        if smallest and min(smallest) >= SIGNIFICANT:
            undetectable.append(f"{config} (at least {min(1.0, *smallest):.2f})")
    few = "the papers are too few for the number of differences"
    found = f"No corrected p-value can be below {SIGNIFICANT} in the test by {', '.join(undetectable)}: {few}."
    return found if undetectable else ""


def study_table() -> Table:
    """Return the results that the original study published."""
    heading, rows = [""], dict[str, list[str]]()
    for teacher, results in NOTES["study_results"].items():
        for system, means in results.items():
            rows.setdefault(system, [system]).extend(f"{mean:.3f}" for mean in means.values())
        heading += [f"test by {teacher}", *list(means)[1:]]
    return heading, list(rows.values())
