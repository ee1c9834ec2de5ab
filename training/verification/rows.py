"""Make the examples of a verifier, and its rows: one for each answer, with a label for it and for its tokens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from datasets import Dataset

from dataset_builder.corpus.questions import CorpusQuestion
from dataset_builder.errors import InputError
from dataset_builder.token_rows.row import NO_LOSS
from dataset_builder.verification.example import ErrorKind, Example
from dataset_builder.verification.reader import AnswerReader
from dataset_builder.verification.verifier import LABELS
from dataset_builder.verifier_examples.made import make_examples
from dataset_builder.verifier_examples.written import WrittenAnswer, join_abstracts, read_written_answers

SUPPORTED, UNSUPPORTED = range(len(LABELS))
# Kinds of error that make the whole answer wrong, so that they have no place in it.
WITHOUT_PLACE: tuple[ErrorKind, ...] = ("other-question", "other-paper")


@dataclass(frozen=True)
class SplitExamples:
    """The examples of one split: those made by rules from its pairs, and the written ones on its papers."""

    made: list[Example]
    written: list[Example]

    @property
    def all(self) -> list[Example]:
        """Return all examples, those made by rules first."""
        return [*self.made, *self.written]


def read_written(folder: str | None) -> list[WrittenAnswer]:
    """Return the written answers in `folder`; none without a folder."""
    return read_written_answers(Path(folder)) if folder else []


def split_examples(
    questions: Sequence[CorpusQuestion],
    written: Sequence[WrittenAnswer],
    seed: int,
    answers_per_label: int,
    left_out: Sequence[ErrorKind] = (),
) -> SplitExamples:
    """Return the examples of a split, without the kinds in `left_out`.

    Another seed gives other rewordings and other wrong answers. Raises `InputError` if the pairs of the split allow no
    wrong answer.
    """
    made = make_examples(questions, seed, answers_per_label, left_out)
    if not made:
        raise InputError(
            f"the rules make no wrong answer from the {len(questions)} pairs of a split, on "
            f"{len({question.paper_id for question in questions})} papers; use a larger corpus"
        )
    joined = join_abstracts(written, questions)
    return SplitExamples(made, [example for example in joined if example.error not in left_out])


def verification_rows(examples: Sequence[Example], reader: AnswerReader) -> Dataset:
    """Return a dataset with a row for each example: the inputs of the encoder and `labels`.

    The label of the first token is the verdict on the answer. In an answer made by rules, the tokens up to its error
    are labelled as supported, the first token of the error as unsupported, and the others not at all. Raises
    `InputError` for an example that is too long without its abstract.
    """
    rows = []
    for example in examples:
        read = reader.read(example.context, example.question, example.answer)
        labels = [NO_LOSS] * len(read.inputs["input_ids"])
        labels[0] = SUPPORTED if example.is_supported else UNSUPPORTED
        for column, label in _place_labels(example, read.places).items():
            labels[column] = label
        rows.append({**read.inputs, "labels": labels})
    return Dataset.from_list(rows)


def _place_labels(example: Example, places: Mapping[int, tuple[int, int]]) -> dict[int, int]:
    """Return the labels of the tokens that are in the answer from `start` to `end`, by column; see above."""
    right_until = example.right_until
    if right_until is None or example.error in WITHOUT_PLACE:
        return {}
    if example.is_supported:
        return dict.fromkeys(places, SUPPORTED)
    labels = {column: SUPPORTED for column, (_, end) in places.items() if end <= right_until}
    if wrong := sorted((start, column) for column, (start, end) in places.items() if end > right_until):
        labels[wrong[0][1]] = UNSUPPORTED
    return labels
