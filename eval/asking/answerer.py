"""Answer questions on abstracts with what a person needs to check an answer, by models that are loaded once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dataset_builder.corpus.questions import Question
from dataset_builder.models.folders import ModelFolder
from dataset_builder.prompt import INSTRUCTION
from eval.asking.evidence import CitedAnswer, cite_sentences, unsupported_parts
from eval.prompting import PLAIN, Prompt

if TYPE_CHECKING:
    from eval.metrics.embedding import Encoder


@dataclass(frozen=True)
class AskedQuestion:
    """A question on the `text` of an abstract. The answer repeats the `name` of the abstract."""

    question: str
    text: str
    name: str = ""


class Answerer:
    """A model that answers questions, and a sentence encoder, which several models can share, for the citations."""

    def __init__(
        self, model: ModelFolder, encoder: "Encoder", *, prompt: Prompt = PLAIN, is_guarded: bool = True
    ) -> None:
        """Load the model; raises `InputError` if it cannot be loaded.

        If `is_guarded`, answers have no number in digits that the abstract and the question lack.
        """
        from dataset_builder.models.language_model import load_model

        self._model, self._tokenizer = load_model(model)
        self._encoder = encoder
        self._prompt = prompt
        self._is_guarded = is_guarded

    def answer(self, asked: AskedQuestion) -> CitedAnswer:
        """Return the answer to one question; raises `InputError` for a question that is too long."""
        [batch] = self.answer_in_batches([asked])
        return batch[0]

    def answer_in_batches(self, asked: Sequence[AskedQuestion]) -> Iterator[dict[int, CitedAnswer]]:
        """Yield the answers by the number of the question, a batch at a time, the longest abstracts first.

        Raises `InputError` for a question that is too long.
        """
        from eval.generation.answers import answer_in_batches

        # The corpus has abstracts without line breaks.
        questions = [Question(INSTRUCTION, " ".join(one.text.split()), one.question.strip()) for one in asked]
        for batch in answer_in_batches(
            self._model, self._tokenizer, questions, prompt=self._prompt, is_guarded=self._is_guarded
        ):
            yield {number: self._cite(asked[number], answer.text) for number, answer in sorted(batch.items())}

    def _cite(self, asked: AskedQuestion, answer: str) -> CitedAnswer:
        question = asked.question.strip()
        return CitedAnswer(
            abstract=asked.name,
            question=question,
            answer=answer,
            evidence=cite_sentences(answer, asked.text, self._encoder),
            unsupported=unsupported_parts(answer, asked.text, question),
        )
