"""Render the card of one trained model."""

from __future__ import annotations

from pathlib import Path

from dataset_builder.corpus.card import GEMMA_TERMS
from dataset_builder.hub.card_merge import render_card
from eval.analysis.scores import Scores
from eval.metrics.lexical import HEADLINE
from eval.report import notes
from eval.report.tables import as_markdown, comparison, loss_table
from model_cards.figures import LOSS_CURVE, REWARD_CURVE
from model_cards.metadata import GEMMA, card_metadata
from model_cards.names import Names
from model_cards.snippet import snippet
from model_cards.trained_run import TrainedRun

METHODS = {
    "full": "full fine-tuning: all parameters are trained",
    "lora": "LoRA: an adapter is trained, the base model stays unchanged",
    "grpo": "GRPO: a LoRA adapter is trained with a reward, the base model stays unchanged",
}
TEMPLATES = Path(__file__).parent / "templates"
GEMMA_PROHIBITED_USES = "https://ai.google.dev/gemma/prohibited_use_policy"
# Section 3.1 of the terms prescribes these words.
GEMMA_NOTICE = "Gemma is provided under and subject to the Gemma Terms of Use found at ai.google.dev/gemma/terms"


def model_card(run: TrainedRun, scores: Scores, names: Names, license_id: str | None) -> str:
    """Return the card of the model of `run`, which `scores` calls `run.system`.

    `license_id` is the licence of the trained model. With "gemma" the card carries Gemma's terms, for a model that was
    trained on the output of a Gemma model.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    trained, scored = names.trained, names.scored
    templates = Environment(
        loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    text = templates.get_template("model.md.j2").render(
        title=Path(names.model).name,
        run=run,
        metrics=run.metrics,
        names=names,
        trained=trained,
        teacher=trained.corpus.report.train_teacher if trained.corpus.report else None,
        same_corpus=(trained.corpus.dataset, trained.corpus.revision) == (scored.dataset, scored.revision),
        method=METHODS[run.metrics.method],
        snippet=snippet(names, run.is_adapter, run.metrics.base_model_note),
        scores=scores,
        configs=scores.systems[run.system].configs,
        test_years=_test_years(scores, run.system),
        scores_table=as_markdown(*comparison(scores, {})),
        loss_table=as_markdown(*loss_table(run.metrics)),
        notes=notes,
        decoding_note=notes.decoding_note(scores),
        recipe=run.recipe_for(names, license_id),
        loss_curve=LOSS_CURVE,
        reward_curve=REWARD_CURVE,
        license_id=license_id,
        is_gemma=license_id == GEMMA,
        gemma_notice=GEMMA_NOTICE,
        gemma_terms=GEMMA_TERMS,
        gemma_prohibited_uses=GEMMA_PROHIBITED_USES,
    )
    return render_card(card_metadata(run, scores, names, license_id), text)


def _test_years(scores: Scores, system: str) -> str:
    configs = scores.systems[system].configs.values()
    years = sorted({year for entry in configs for year in entry.metrics[HEADLINE].by_year})
    return years[0] if len(years) == 1 else f"{years[0]} to {years[-1]}"
