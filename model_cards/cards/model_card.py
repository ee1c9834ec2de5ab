"""Render the card of one trained model."""

from pathlib import Path

from dataset_builder.corpus.publication.card import GEMMA_TERMS
from dataset_builder.hub.card_merge import render_card
from dataset_builder.prompt import INSTRUCTION, MAX_ANSWER_TOKENS, build_prompt
from dataset_builder.tables import as_markdown
from dataset_builder.templates import render
from eval.analysis.scores import Scores
from eval.metrics.lexical import HEADLINE
from eval.report import notes
from eval.report.tables import comparison, gain_table, loss_table, number_table
from model_cards.cards.figures import LOSS_CURVE, REWARD_CURVE
from model_cards.cards.metadata import GEMMA, card_metadata
from model_cards.names import Names
from model_cards.trained_run import TrainedRun

TEMPLATE = Path(__file__).parent / "templates/model.md.j2"
# Section 3.1 of the terms prescribes these words.
GEMMA_NOTICE = "Gemma is provided under and subject to the Gemma Terms of Use found at ai.google.dev/gemma/terms"


def model_card(run: TrainedRun, scores: Scores, names: Names, license_id: str | None) -> str:
    """Return the card of the model of `run`, which `scores` calls `run.system`.

    `license_id` is the licence of the trained model. With "gemma" the card carries Gemma's terms, for a model that was
    trained on the output of a Gemma model.
    """
    trained, scored = names.trained, names.scored
    configs = scores.systems[run.system].configs
    gains = gain_table(scores)
    numbers = number_table(scores)
    years = sorted({year for entry in configs.values() for year in entry.metrics[HEADLINE].by_year})
    text = render(
        TEMPLATE,
        title=Path(names.model).name,
        run=run,
        metrics=run.metrics,
        names=names,
        trained=trained,
        teachers=trained.corpus.report.train_teachers if trained.corpus.report else [],
        same_corpus=(trained.corpus.dataset, trained.corpus.revision) == (scored.dataset, scored.revision),
        prompt=build_prompt(INSTRUCTION, "{abstract}", "{question}"),
        max_new_tokens=MAX_ANSWER_TOKENS,
        scores=scores,
        configs=configs,
        test_years=years[0] if len(years) == 1 else f"{years[0]} to {years[-1]}",
        scores_table=as_markdown(*comparison(scores, {})),
        gain_table=as_markdown(*gains) if gains[1] else "",
        number_table=as_markdown(*numbers) if numbers[1] else "",
        loss_table=as_markdown(*loss_table(run.metrics)),
        notes=notes,
        recipe=run.recipe_for(names, license_id),
        loss_curve=LOSS_CURVE,
        reward_curve=REWARD_CURVE,
        license_id=license_id,
        is_gemma=license_id == GEMMA,
        gemma_notice=GEMMA_NOTICE,
        gemma_terms=GEMMA_TERMS,
    )
    return render_card(card_metadata(run, scores, names, license_id), text)
