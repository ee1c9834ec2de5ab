"""report.md: its tables, its warning, and the sentences on decoding."""

from __future__ import annotations

import pytest

from eval.analysis.scores import DecodingRecord
from eval.report.markdown import report_markdown
from eval.report.notes import decoding_note, system_note, warnings
from tests.cards import stray_table_rows
from tests.eval.report.example import BY_ROLE, METRICS, SCORES, config_scores, difference


def test_report_has_every_table() -> None:
    """A heuristic baseline is in the comparison, the metrics and the groupings; the study's results follow."""
    text = report_markdown(SCORES, METRICS)
    assert text.count("| question repeated (heuristic baseline) |") == 5
    assert "| lora | 0.623 | 0.622 | 0.628 | 0.620 | 0.679 |" in text
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


@pytest.mark.parametrize(("papers", "count", "words"), [(4, 1, "plain (at least 0.12)"), (6, 2, "plain"), (6, 1, "")])
def test_differences_that_cannot_be_significant(papers: int, count: int, words: str) -> None:
    """Four papers have 16 combinations of signs, so p is at least 2/16; six papers have 64, for two tests 4/64."""
    few = difference("good", "bad", 0.44, 0.1).model_copy(update={"papers": papers})
    text = report_markdown(SCORES.model_copy(update={"differences": {"plain": [few] * count}}), {})
    assert (f"No corrected p-value can be below 0.05 in the test by {words}" in text) == bool(words)
    assert "an interval can exclude 0 although the corrected p-value is 0.05 or more" in text


def test_sample_of_the_questions_is_named() -> None:
    """Forty-five of the config's questions were asked, or all 45 of them, since a larger sample was wanted."""
    sample = SCORES.model_copy(update={"sampled_questions": 45})
    assert "**Random sample: at most 45 questions of each test were asked.**" in report_markdown(sample, METRICS)
    assert "Random sample" not in report_markdown(SCORES.model_copy(update={"sampled_questions": 46}), METRICS)


def test_decoding_of_each_system() -> None:
    """Only systems with MBR or guarded decoding have a sentence of their own."""
    assert "MBR" not in decoding_note(SCORES) and "guard" not in decoding_note(SCORES)
    guarded = SCORES.systems["good"].model_copy(update={"decoding": DecodingRecord(method="guarded")})
    note = decoding_note(SCORES.model_copy(update={"systems": {"safe": guarded}}))
    assert note.endswith("Numbers in words are not guarded. Systems with this guard: safe.")
    mbr = SCORES.systems["good"].model_copy(
        update={"decoding": DecodingRecord(method="mbr", samples=8, temperature=0.7, seed=0, encoder_sha256="0")}
    )
    note = decoding_note(SCORES.model_copy(update={"systems": {"voted": mbr}}))
    assert "voted uses minimum Bayes risk (MBR) decoding instead. It samples 8 answers at temperature 0.7" in note


def test_model_behind_a_server_is_named_without_its_address() -> None:
    """The report says that its weights are not known, and no SHA-256 stands for them."""
    served = SCORES.systems["good"].model_copy(
        update={"model": "openai:http://h/v1#lab/big", "served_model": "lab/big"}
    )
    note = decoding_note(SCORES.model_copy(update={"systems": {"big": served}}))
    assert note.endswith("neither a baseline nor a trained system. Systems behind a server: big (lab/big).")
    assert system_note("big", served) == "big: model lab/big behind a server, plain prompt, greedy decoding"
