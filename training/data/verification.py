"""Make the training rows of the verifier: an abstract once, then its questions, then answers, each with a verdict."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from datasets import Dataset, concatenate_datasets
from transformers import PreTrainedTokenizerBase

from dataset_builder.corpus.questions import CorpusQuestion
from dataset_builder.errors import InputError
from dataset_builder.token_rows.row import NO_LOSS, last_columns
from dataset_builder.verification.example import ErrorKind, Example
from dataset_builder.verification.prompt import build_end, verdict_tokens
from dataset_builder.verification.rows import verification_row
from dataset_builder.verifier_examples.made import make_examples
from dataset_builder.verifier_examples.written import WrittenAnswer, join_abstracts, read_written_answers


@dataclass(frozen=True)
class SplitExamples:
    """The examples of one split: those made by rules from its pairs, and the hand-written ones on its papers."""

    made: list[Example]
    written: list[Example]

    @property
    def all(self) -> list[Example]:
        """Return all examples, those made by rules first."""
        return [*self.made, *self.written]


def read_written(folder: str | None) -> list[WrittenAnswer]:
    """Return the hand-written answers in `folder`; none without a folder."""
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


def verification_rows(
    examples: Sequence[Example], tokenizer: PreTrainedTokenizerBase, max_tokens: int, answers_per_row: int
) -> Dataset:
    """Return a dataset of rows with at most `answers_per_row` examples on one abstract.

    The label behind a token of an answer is a verdict on the answer so far: "yes" up to its error, then "no". Where
    the place of the error is not known, and for any hand-written answer, only the verdict at the end is a label.
    Raises `InputError` for an example that has more than `max_tokens` tokens without its abstract.
    """
    papers: dict[str, list[Example]] = {}
    for example in examples:
        papers.setdefault(example.context, []).append(example)
    rows = []
    for paper in papers.values():
        for start in range(0, len(paper), answers_per_row):
            part = paper[start : start + answers_per_row]
            items = [(example.context, example.question, example.answer) for example in part]
            by_token = [_verdicts(example, tokenizer) for example in part]
            row, order = verification_row(items, tokenizer, max_tokens, [verdicts[-1] for verdicts in by_token])
            for last, number in zip(last_columns(row), order, strict=True):
                # A label is predicted from the token before it.
                row["labels"][last + 1 - len(by_token[number]) : last + 1] = by_token[number]
            rows.append(row)
    return Dataset.from_list(rows)


def _verdicts(example: Example, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Return the label behind each token of the end of the prompt; the last one is the verdict."""
    verdict = verdict_tokens(tokenizer)
    encoded = tokenizer(build_end(example.answer), add_special_tokens=False, return_offsets_mapping=True)
    # The end of the prompt has a space before the answer.
    ends = [end - 1 for _, end in encoded["offset_mapping"]] + [len(example.answer) + 1] * len(verdict.common)
    last = verdict.yes if example.is_supported else verdict.no
    if example.right_until is None:
        return [NO_LOSS] * (len(ends) - 1) + [last]
    return [verdict.yes if end <= example.right_until else last for end in ends]


def training_rows(
    draws: Sequence[SplitExamples], tokenizer: PreTrainedTokenizerBase, max_tokens: int, answers_per_row: int
) -> Dataset:
    """Return the rows of an epoch, draw by draw."""
    rows = [verification_rows(draw.all, tokenizer, max_tokens, answers_per_row) for draw in draws]
    return concatenate_datasets(rows)
