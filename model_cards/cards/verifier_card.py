"""Render the card of a verifier."""

from pathlib import Path

from dataset_builder.corpus.publication.card import GEMMA_TERMS
from dataset_builder.hub.card_merge import render_card
from dataset_builder.tables import as_markdown
from dataset_builder.templates import render
from dataset_builder.verification.report import KindFigures, SplitFigures, VerifierReport
from model_cards.cards.figures import LOSS_CURVE
from model_cards.cards.metadata import GEMMA, model_metadata
from model_cards.cards.model_card import GEMMA_NOTICE
from model_cards.names import Names
from model_cards.trained_run import TrainedRun

TEMPLATE = Path(__file__).parent / "templates/verifier.md.j2"
ALL_KINDS = "all kinds"


def verifier_card(run: TrainedRun, report: VerifierReport, names: Names, license_id: str | None) -> str:
    """Return the card of the verifier of `run`; raises `InputError` for a model without a licence."""
    text = render(
        TEMPLATE,
        title=Path(names.model).name,
        run=run,
        metrics=run.metrics,
        names=names,
        report=report,
        test_table=as_markdown(*figures_table(report.test)),
        written_table=as_markdown(*figures_table(report.written)) if report.written else "",
        baseline_table=as_markdown(*baseline_table(report)),
        recipe=run.recipe_for(names, license_id),
        loss_curve=LOSS_CURVE,
        license_id=license_id,
        is_gemma=license_id == GEMMA,
        gemma_notice=GEMMA_NOTICE,
        gemma_terms=GEMMA_TERMS,
    )
    metadata = model_metadata(run, names, license_id, ["faithfulness"], pipeline_tag="token-classification")
    return render_card(metadata, text)


def figures_table(figures: SplitFigures) -> tuple[list[str], list[list[str]]]:
    """Return the table of the figures over all kinds of error and by kind."""

    def row(name: str, kind: KindFigures) -> list[str]:
        precision = "" if kind.precision is None else f"{kind.precision:.3f}"
        return [name, str(kind.unsupported), f"{kind.auroc:.3f}", precision, f"{kind.recall:.3f}"]

    rows = [row(f"`{name}`", kind) for name, kind in figures.by_kind.items()]
    return ["error", "wrong answers", "AUROC", "precision", "recall"], [row(ALL_KINDS, figures.all_kinds), *rows]


def baseline_table(report: VerifierReport) -> tuple[list[str], list[list[str]]]:
    """Return the table of the AUROC of the verifier and of the baselines on the test examples."""
    columns = {"verifier": report.test.all_kinds.auroc}
    by_kind = {"verifier": {kind: figures.auroc for kind, figures in report.test.by_kind.items()}}
    for name, figures in report.baselines.items():
        columns[name], by_kind[name] = figures.all_kinds, dict(figures.by_kind)
    rows = [[ALL_KINDS, *(f"{value:.3f}" for value in columns.values())]]
    for kind in report.test.by_kind:
        values = [by_kind[name].get(kind) for name in columns]
        rows.append([f"`{kind}`", *("" if value is None else f"{value:.3f}" for value in values)])
    return ["error", *columns], rows
