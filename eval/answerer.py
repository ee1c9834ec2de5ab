"""Answer questions on abstracts with what a person needs to check an answer, by models that are loaded once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dataset_builder.corpus.questions import Question
from dataset_builder.model_folders import EncoderFolder, ModelFolder
from dataset_builder.prompt import INSTRUCTION
from dataset_builder.verification.load import VerifierFolder
from eval.evidence import CitedAnswer, cite_sentences, unsupported_parts

ABSTAINED = "The abstract does not say."


@dataclass(frozen=True)
class AskedQuestion:
    """A question on the `text` of an abstract. The answer repeats the `name` of the abstract."""

    question: str
    text: str
    name: str = ""


class Answerer:
    """A model that answers questions, a sentence encoder that finds the cited sentences, and if given a verifier."""

    def __init__(
        self,
        model: ModelFolder,
        encoder: EncoderFolder,
        verifier: VerifierFolder | None = None,
        threshold: float | None = None,
        *,
        is_guarded: bool = True,
    ) -> None:
        """Load the models; raises `InputError` for one that cannot be loaded.

        Answers whose support by the verifier is below `threshold` are withheld; None withholds no answer. If
        `is_guarded`, answers have no number in digits that the abstract and the question lack.
        """
        from dataset_builder.language_model import load_model
        from eval.metrics.embedding import Encoder

        self._model, self._tokenizer = load_model(model)
        self._encoder = Encoder(encoder, "--encoder")
        self._verifier = verifier.load() if verifier else None
        self._threshold = threshold
        self._is_guarded = is_guarded

    def answer(self, asked: AskedQuestion) -> CitedAnswer:
        """Return the answer to one question; raises `InputError` for a question that is too long."""
        ((_, answer),) = next(self.answer_in_batches([asked])).items()
        return answer

    def answer_in_batches(self, asked: Sequence[AskedQuestion]) -> Iterator[dict[int, CitedAnswer]]:
        """Yield the answers by the number of the question, a batch at a time, the longest abstracts first.

        Raises `InputError` for a question that is too long.
        """
        from eval.generation.answers import answer_in_batches

        # The corpus has abstracts without line breaks.
        questions = [Question(INSTRUCTION, " ".join(one.text.split()), one.question.strip()) for one in asked]
        for batch in answer_in_batches(self._model, self._tokenizer, questions, is_guarded=self._is_guarded):
            answers = {number: answer.text for number, answer in sorted(batch.items())}
            items = [(questions[number].context, questions[number].question, answers[number]) for number in answers]
            supports: Sequence[float | None] = [None] * len(items)
            if self._verifier:
                supports = self._verifier.score_all(items, hidden=True)
            yield {
                number: self._check(asked[number], answers[number], support)
                for number, support in zip(answers, supports, strict=True)
            }

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
