"""Score examples with the verifier that was just trained, and report how well it finds errors."""

from collections.abc import Mapping, Sequence
from typing import Any

from accelerate import PartialState
from accelerate.utils import gather_object

from dataset_builder.models.encoders import Embed
from dataset_builder.verification.baselines import measure_baselines
from dataset_builder.verification.example import ErrorKind, Example
from dataset_builder.verification.reader import AnswerReader
from dataset_builder.verification.report import VerifierReport, split_figures, threshold_of
from dataset_builder.verification.verifier import Verifier
from training.validation import in_evaluation_mode
from training.verification.rows import SplitExamples


def score_examples(network: Any, reader: AnswerReader, examples: Sequence[Example]) -> list[float]:
    """Return the support of each example, on every process. Each process scores its share of the abstracts."""
    processes = PartialState()
    contexts = list(dict.fromkeys(example.context for example in examples))
    own = set(contexts[processes.process_index :: processes.num_processes])
    share = [number for number, example in enumerate(examples) if example.context in own]
    items = [(examples[number].context, examples[number].question, examples[number].answer) for number in share]
    scores: list[tuple[int, float]] = []
    with in_evaluation_mode(network):
        for batch in Verifier(network, reader).score_batches(items):
            scores += [(share[number], score) for number, score in batch.items()]
    gathered: list[tuple[int, float]] = gather_object(scores)
    return [score for _, score in sorted(gathered)]


def report_verifier(
    network: Any,
    reader: AnswerReader,
    train: Sequence[SplitExamples],
    validation: SplitExamples,
    test: SplitExamples,
    left_out: Sequence[ErrorKind],
    embed: Embed,
    references: Mapping[tuple[str, str], str],
) -> VerifierReport:
    """Return the report of a trained verifier, on every process.

    `train` has the examples of each draw, which share the written answers. The threshold is chosen on all validation
    examples, without the kinds in `left_out`. `references` has the reference answers of the test questions, for the
    baselines.
    """
    scores = score_examples(network, reader, [*validation.all, *test.made])
    count = len(validation.made)
    known = [
        (example, score)
        for example, score in zip(validation.all, scores[: len(validation.all)], strict=True)
        if example.error not in left_out
    ]
    threshold = threshold_of([example for example, _ in known], [score for _, score in known])
    written_scores = scores[count : len(validation.all)]
    return VerifierReport(
        threshold=threshold,
        max_tokens=reader.max_tokens,
        sentences=reader.sentences,
        left_out=list(left_out),
        train_examples=sum(len(draw.made) for draw in train),
        train_written_answers=len(train[0].written),
        validation=split_figures(validation.made, scores[:count], threshold),
        written=split_figures(validation.written, written_scores, threshold) if validation.written else None,
        test=split_figures(test.made, scores[len(validation.all) :], threshold),
        baselines=measure_baselines(embed, test.made, references),
    )
