"""Compose the notes that report.md, report.html and the model cards share. notes.yaml has the sentences."""

from pathlib import Path
from typing import Any

import yaml

from dataset_builder.prompt import MAX_ANSWER_TOKENS
from eval.analysis.scores import FEW_PAPERS, FEWEST_PAPERS, Scores, SystemScores
from eval.prompting import PLAIN
from eval.report.tables import scores_by_config

NOTES: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "notes.yaml").read_text(encoding="utf-8"))
INTERVALS = NOTES["intervals"].format(FEW_PAPERS=FEW_PAPERS, FEWEST_PAPERS=FEWEST_PAPERS)
METRICS = NOTES["metrics"].format(MAX_ANSWER_TOKENS=MAX_ANSWER_TOKENS, NUMBERS=NOTES["numbers"])


def decoding_note(scores: Scores) -> str:
    """Return the sentences on how the systems' answers were decoded."""
    sentences = [f"Answers have at most {MAX_ANSWER_TOKENS} tokens and are decoded greedily in float32."]
    if guarded := [name for name, system in scores.systems.items() if system.decoding == "guarded"]:
        sentences.append(f"{NOTES['guarded']} Systems with this guard: {', '.join(guarded)}.")
    if served := [f"{name} ({system.served_model})" for name, system in scores.systems.items() if system.served_model]:
        sentences.append(f"{NOTES['served']} Systems behind a server: {', '.join(served)}.")
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


def system_note(name: str, system: SystemScores) -> str:
    """Return one line about a system: its model, its prompt and its decoding."""
    if system.served_model:
        model = f"model {system.served_model} behind a server"
    else:
        model = f"model{f' {system.model}' if system.model else ''} with SHA-256 {system.sha256}"
    return f"{name}: {model}, {system.prompt} prompt, {system.decoding} decoding"


def measured_note(scores: Scores) -> str:
    """Return the sentence on when and on what the scores were measured."""
    return f"The scores were measured on {scores.date} (UTC), on revision {scores.revision} of the corpus."


def warnings(scores: Scores) -> list[str]:
    """Return warnings on how far the scores can be trusted."""
    return list(filter(None, (_sample_warning(scores), _few_papers_warning(scores))))


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
