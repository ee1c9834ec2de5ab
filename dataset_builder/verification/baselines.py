"""Score answers without a verifier: by similarity, and by the project's checks of numbers and names."""

from collections.abc import Mapping, Sequence

from dataset_builder.grounding.check import nearest_sentence_similarities, unsupported_numbers
from dataset_builder.grounding.names import unsupported_names
from dataset_builder.models.encoders import Embed
from dataset_builder.verification.example import Example
from dataset_builder.verification.report import BaselineFigures, baseline_figures


def measure_baselines(
    embed: Embed, examples: Sequence[Example], references: Mapping[tuple[str, str], str]
) -> dict[str, BaselineFigures]:
    """Return the figures of each baseline by its name; `references` has the references by paper and question."""
    # The reference itself has the similarity 1, which says nothing about the baseline.
    compared = [example for example in examples if example.answer != references[example.paper_id, example.question]]
    figures = {}
    if any(example.is_supported for example in compared):
        answers, paired = (
            embed(texts)
            for texts in (
                [example.answer for example in compared],
                [references[example.paper_id, example.question] for example in compared],
            )
        )
        similarities = (answers * paired).sum(axis=1).tolist()
        figures["similarity to the reference"] = baseline_figures(compared, similarities)
    to_sentence = nearest_sentence_similarities(
        embed, [example.answer for example in examples], [example.context for example in examples]
    )
    figures["similarity to the nearest sentence"] = baseline_figures(examples, to_sentence)
    figures["checks of numbers and names"] = baseline_figures(
        examples, [checks_score(example) for example in examples]
    )
    return figures


def checks_score(example: Example) -> float:
    """Return 1.0 if abstract and question have every number and name of the answer, else 0.0."""
    source = f"{example.context} {example.question}"
    return float(not unsupported_numbers(example.answer, source) and not unsupported_names(example.answer, source))
