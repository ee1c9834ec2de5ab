"""report.md: its tables, its warning, its figure, and the sentences on decoding."""

from __future__ import annotations

from eval.report.figures import training_loss_svg
from eval.report.markdown import report_markdown
from eval.report.notes import decoding_note, system_note, warnings
from tests.cards import stray_table_rows
from tests.eval.report.example import BY_ROLE, METRICS, SCORES, config_scores


def test_report_has_every_table() -> None:
    """A heuristic baseline is in the comparison, in the metrics and in the scores by year."""
    text = report_markdown(SCORES, METRICS)
    assert text.count("| question repeated (heuristic baseline) |") == 3
    assert "**Few test papers: plain (15 papers). Intervals are wide or missing, and" in text
    assert "good: model runs/good with SHA-256 0000" in text
    assert "![Training loss]" in text and "![Training loss]" not in report_markdown(SCORES, {})
    assert stray_table_rows(text) == []


def test_report_states_gains_and_prompts() -> None:
    """Only if there are trained systems with a baseline, and prompts other than the plain one."""
    text = report_markdown(BY_ROLE, METRICS)
    assert "| gain in similarity | test by plain, over chatty |" in text
    assert "best baseline: the one with the highest score in the same test" in text
    assert "- Plain prompt (bad, good): the training prompt" in text
    assert "Chat prompt (chatty): the chat template" in text
    assert "Closed-book prompt (memory): the plain prompt without the abstract." in text
    assert "Few-shot prompt" not in text
    assert stray_table_rows(text) == []
    plain = report_markdown(SCORES, METRICS)
    assert "best baseline" not in plain and "Plain prompt" not in plain


def test_no_warning_for_enough_papers() -> None:
    """Thirty papers are enough."""
    enough = config_scores(0.5).model_copy(update={"papers": 30})
    system = SCORES.systems["good"].model_copy(update={"configs": {"plain": enough}})
    assert warnings(SCORES.model_copy(update={"systems": {"good": system}})) == []


def test_sample_of_the_questions_is_named() -> None:
    """Forty-five of the config's questions were asked, or all 45 of them, since a larger sample was wanted."""
    sample = SCORES.model_copy(update={"sampled_questions": 45})
    assert "**Random sample: at most 45 questions of each test were asked.**" in report_markdown(sample, METRICS)
    assert "Random sample" not in report_markdown(SCORES.model_copy(update={"sampled_questions": 46}), METRICS)


def test_decoding_of_each_system() -> None:
    """Only systems with guarded decoding have a sentence of their own."""
    assert "guard" not in decoding_note(SCORES)
    guarded = SCORES.systems["good"].model_copy(update={"decoding": "guarded"})
    note = decoding_note(SCORES.model_copy(update={"systems": {"safe": guarded}}))
    assert note.endswith("Numbers in words are not guarded. Systems with this guard: safe.")


def test_model_behind_a_server_is_named_without_its_address() -> None:
    """The report says that its weights are not known, and no SHA-256 stands for them."""
    served = SCORES.systems["good"].model_copy(
        update={"model": "openai:http://h/v1#lab/big", "served_model": "lab/big"}
    )
    note = decoding_note(SCORES.model_copy(update={"systems": {"big": served}}))
    assert note.endswith("neither a baseline nor a trained system. Systems behind a server: big (lab/big).")
    assert system_note("big", served) == "big: model lab/big behind a server, plain prompt, greedy decoding"


def test_losses_of_another_kind_are_not_drawn() -> None:
    """DPO has a loss of its own; more systems than colours are all drawn."""
    names = [f"run{number}" for number in range(9)]
    runs = {name: METRICS["good"] for name in names} | {"dpo": METRICS["good"].model_copy(update={"method": "dpo"})}
    text = training_loss_svg(runs)
    assert [name for name in names if f"<!-- {name} -->" not in text] == [] and "<!-- dpo -->" not in text
    assert training_loss_svg({"dpo": runs["dpo"]}) == ""
