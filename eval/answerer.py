"""Answer questions on abstracts with what a person needs to check an answer, by models that are loaded once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dataset_builder.corpus.questions import Question
from dataset_builder.model_folders import ModelFolder
from dataset_builder.prompt import INSTRUCTION
from eval.evidence import CitedAnswer, cite_sentences, unsupported_parts
from eval.prompting import PLAIN, Prompt

if TYPE_CHECKING:
    from dataset_builder.verification.verifier import Verifier
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

        Answers whose support by the verifier is below `threshold` are withheld; None withholds no answer. If
        `is_guarded`, answers have no number in digits that the abstract and the question lack.
        """
        from dataset_builder.language_model import load_model
        from eval.generation.generation_rules import read_rules
        from eval.generation.number_tokens import NumberTokens

        self._model, self._tokenizer = load_model(model)
        rules = read_rules(self._model.generation_config, self._tokenizer)
        # It takes half a second for a vocabulary of 49,152 tokens: too long for each question of `stream`.
        self._number_tokens = NumberTokens(self._tokenizer, rules.end_tokens) if is_guarded else None
        self._encoder = encoder
        self._verifier = verifier
        self._threshold = threshold
        self._prompt = prompt
        self._is_guarded = is_guarded

    def stream(self, asked: AskedQuestion) -> Iterator[str | CitedAnswer]:
        """Yield what the model has written after each new word, and last the answer, which may be withheld.

        Raises `InputError` for a question that is too long.
        """
        from eval.generation.number_guard import NumberGuard
        from eval.generation.streaming import stream_answer

        question = _read_question(asked)
        tokens = self._number_tokens
        guard = NumberGuard(self._prompt.source(question), tokens.with_new_masks()) if tokens else None
        for part in stream_answer(self._model, self._tokenizer, question, self._prompt, guard):
            if isinstance(part, str):
                yield part
            else:
                yield from self._check_all([asked], [question], [part.text])

    def answer_in_batches(self, asked: Sequence[AskedQuestion]) -> Iterator[dict[int, CitedAnswer]]:
        """Yield the answers by the number of the question, a batch at a time, the longest abstracts first.

        Raises `InputError` for a question that is too long.
        """
        from eval.generation.answers import answer_in_batches

        questions = [_read_question(one) for one in asked]
        for batch in answer_in_batches(
            self._model, self._tokenizer, questions, prompt=self._prompt, is_guarded=self._is_guarded
        ):
            numbers = sorted(batch)
            answers = self._check_all(
                [asked[number] for number in numbers],
                [questions[number] for number in numbers],
                [batch[number].text for number in numbers],
            )
            yield dict(zip(numbers, answers, strict=True))

    def _check_all(
        self, asked: Sequence[AskedQuestion], questions: Sequence[Question], answers: Sequence[str]
    ) -> list[CitedAnswer]:
        supports: Sequence[float | None] = [None] * len(answers)
        if self._verifier:
            items = [
                (question.context, question.question, answer)
                for question, answer in zip(questions, answers, strict=True)
            ]
            supports = self._verifier.score_all(items, hidden=True)
        return [self._check(*one) for one in zip(asked, answers, supports, strict=True)]

    def _check(self, asked: AskedQuestion, answer: str, support: float | None) -> CitedAnswer:
        question = asked.question.strip()
        is_withheld = support is not None and self._threshold is not None and support < self._threshold
        return CitedAnswer(
            abstract=asked.name,
            question=question,
            answer=ABSTAINED if is_withheld else answer,
            evidence=[] if is_withheld else cite_sentences(answer, asked.text, self._encoder),
            unsupported=[] if is_withheld else unsupported_parts(answer, asked.text, question),
            support=support,
            abstained=is_withheld,
        )


def _read_question(asked: AskedQuestion) -> Question:
    # The corpus has abstracts without line breaks.
    return Question(INSTRUCTION, " ".join(asked.text.split()), asked.question.strip())
