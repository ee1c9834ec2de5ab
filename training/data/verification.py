"""Make the training rows of the verifier: an abstract once, then its questions, each with an answer and a verdict."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from datasets import Dataset, concatenate_datasets
from transformers import PreTrainedTokenizerBase

from dataset_builder.corpus.questions import CorpusQuestion
from dataset_builder.errors import InputError
from dataset_builder.token_rows.row import token_row
from dataset_builder.verification.example import ErrorKind, Example
from dataset_builder.verification.prompt import encode_verification, verdict_tokens
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

    Raises `InputError` if its pairs allow no wrong answer.
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
    """Return a dataset of rows with at most `answers_per_row` examples on one abstract; only verdicts have labels.

    Raises `InputError` for an example that has more than `max_tokens` tokens without its abstract.
    """
    verdict = verdict_tokens(tokenizer)
    papers: dict[str, list[Example]] = {}
    for example in examples:
        papers.setdefault(example.context, []).append(example)
    rows = []
    for paper in papers.values():
        for start in range(0, len(paper), answers_per_row):
            part = paper[start : start + answers_per_row]
            prompts = [
                encode_verification(tokenizer, example.context, example.question, example.answer, max_tokens)
                for example in part
            ]
            verdicts = [[verdict.yes if example.is_supported else verdict.no] for example in part]
            rows.append(token_row(prompts, verdicts))
    return Dataset.from_list(rows)


def training_rows(
    examples: SplitExamples,
    tokenizer: PreTrainedTokenizerBase,
    max_tokens: int,
    answers_per_row: int,
    written_repeats: int,
) -> Dataset:
    """Return the rows of an epoch: those of the made examples once, those of the written ones `written_repeats` times.

    Made and written examples are in rows of their own.
    """
    made = verification_rows(examples.made, tokenizer, max_tokens, answers_per_row)
    if not examples.written:
        return made
    written = verification_rows(examples.written, tokenizer, max_tokens, answers_per_row)
    return concatenate_datasets([made, *[written] * written_repeats])
