"""Answer questions on abstracts with what a person needs to check an answer, by models that are loaded once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from dataset_builder.corpus.questions import Question
from dataset_builder.models.folders import ModelFolder
from dataset_builder.prompt import INSTRUCTION
from eval.asking.abstention import find_relevances
from eval.asking.evidence import CitedAnswer, cite_sentences, unsupported_parts
from eval.prompting import PLAIN, Prompt

if TYPE_CHECKING:
    from dataset_builder.verification.verifier import Verifier
    from eval.generation.number_tokens import NumberTokens
    from eval.metrics.embedding import Encoder

ABSTAINED = "The abstract does not say."


@dataclass(frozen=True)
class AskedQuestion:
    """A question on the `text` of an abstract. The answer repeats the `name` of the abstract."""

    question: str
    text: str
    name: str = ""


class Answerer:
    """A model that answers questions, a sentence encoder that finds the cited sentences, and if given a verifier.

    Several models can share an encoder and a verifier.
    """

    def __init__(
        self,
        model: ModelFolder,
        encoder: "Encoder",
        verifier: "Verifier | None" = None,
        threshold: float | None = None,
        *,
        prompt: Prompt = PLAIN,
        is_guarded: bool = True,
    ) -> None:
        """Load the model; raises `InputError` if it cannot be loaded.

        A question whose relevance to the abstract is below `threshold` is not asked; None asks every question. If
        `is_guarded`, answers have no number in digits that the abstract and the question lack.
        """
        from dataset_builder.models.language_model import load_model

        self._model, self._tokenizer = load_model(model)
        self._encoder = encoder
        self._verifier = verifier
        self._threshold = threshold
        self._prompt = prompt
        self._is_guarded = is_guarded

    @cached_property
    def _number_tokens(self) -> "NumberTokens":
        """It takes half a second for a vocabulary of 49,152 tokens: too long for each question of `stream`."""
        from eval.generation.generation_rules import read_rules
        from eval.generation.number_tokens import NumberTokens

        return NumberTokens(self._tokenizer, read_rules(self._model.generation_config, self._tokenizer).end_tokens)

    def stream(self, asked: AskedQuestion) -> Iterator[str | CitedAnswer]:
        """Yield what the model has written after each new word, and last the answer.

        Raises `InputError` for a question that is too long.
        """
        from eval.generation.number_guard import NumberGuard
        from eval.generation.streaming import stream_answer

        question = _read_question(asked)
        [relevance] = find_relevances([question], self._encoder)
        if self._abstains(relevance):
            yield _abstain(asked, relevance)
            return
        guard = None
        if self._is_guarded:
            guard = NumberGuard(self._prompt.source(question), self._number_tokens.with_new_masks())
        for part in stream_answer(self._model, self._tokenizer, question, self._prompt, guard):
            if isinstance(part, str):
                yield part
            else:
                yield from self._cite_all([asked], [part.text], [relevance])

    def answer_in_batches(self, asked: Sequence[AskedQuestion]) -> Iterator[dict[int, CitedAnswer]]:
        """Yield the answers by the number of the question, a batch at a time, the longest abstracts first.

        The questions that are not asked come last. Raises `InputError` for a question that is too long.
        """
        from eval.generation.answers import answer_in_batches

        questions = [_read_question(one) for one in asked]
        relevances = find_relevances(questions, self._encoder)
        left = [number for number, relevance in enumerate(relevances) if not self._abstains(relevance)]
        for batch in answer_in_batches(
            self._model,
            self._tokenizer,
            [questions[number] for number in left],
            prompt=self._prompt,
            is_guarded=self._is_guarded,
        ):
            numbers = [left[place] for place in sorted(batch)]
            answers = self._cite_all(
                [asked[number] for number in numbers],
                [batch[place].text for place in sorted(batch)],
                [relevances[number] for number in numbers],
            )
            yield dict(zip(numbers, answers, strict=True))
        if len(left) < len(asked):
            yield {
                number: _abstain(asked[number], relevance)
                for number, relevance in enumerate(relevances)
                if self._abstains(relevance)
            }

    def _abstains(self, relevance: float) -> bool:
        return self._threshold is not None and relevance < self._threshold

    def _cite_all(
        self, asked: Sequence[AskedQuestion], answers: Sequence[str], relevances: Sequence[float]
    ) -> list[CitedAnswer]:
        supports: Sequence[float | None] = [None] * len(answers)
        if self._verifier:
            questions = map(_read_question, asked)
            items = [(one.context, one.question, answer) for one, answer in zip(questions, answers, strict=True)]
            supports = self._verifier.score_all(items, hidden=True)
        return [
            CitedAnswer(
                abstract=one.name,
                question=one.question.strip(),
                answer=answer,
                evidence=cite_sentences(answer, one.text, self._encoder),
                unsupported=unsupported_parts(answer, one.text, one.question.strip()),
                relevance=relevance,
                support=support,
                abstained=False,
            )
            for one, answer, relevance, support in zip(asked, answers, relevances, supports, strict=True)
        ]


def _abstain(asked: AskedQuestion, relevance: float) -> CitedAnswer:
    return CitedAnswer(
        abstract=asked.name,
        question=asked.question.strip(),
        answer=ABSTAINED,
        evidence=[],
        unsupported=[],
        relevance=relevance,
        support=None,
        abstained=True,
    )


def _read_question(asked: AskedQuestion) -> Question:
    # The corpus has abstracts without line breaks.
    return Question(INSTRUCTION, " ".join(asked.text.split()), asked.question.strip())
