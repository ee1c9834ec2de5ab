"""Let several models answer one question, one after the other, and show what each has written so far."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eval.asking.answerer import Answerer, AskedQuestion
from eval.asking.evidence import CitedAnswer

if TYPE_CHECKING:
    from eval.metrics.embedding import Encoder


@dataclass(frozen=True)
class ModelAnswer:
    """What the model `name` has written so far (`text`), and once it has finished, its `finished` answer.

    `similarity` is the cosine similarity of the finished answer to the reference answer. It is None without a
    reference answer, and for a model that was not asked.
    """

    name: str
    text: str = ""
    finished: CitedAnswer | None = None
    similarity: float | None = None


class DemoModels:
    """Models by the names that the page shows, and the encoder that compares answers with reference answers."""

    def __init__(self, answerers: Mapping[str, Answerer], encoder: "Encoder") -> None:
        self._answerers = answerers
        self._encoder = encoder

    def answer(self, asked: AskedQuestion, reference: str | None) -> Iterator[list[ModelAnswer]]:
        """Yield the answers of all models, in their order, each time one of them has changed.

        Raises `InputError` for a question that is too long for a model.
        """
        answers = {name: ModelAnswer(name) for name in self._answerers}
        yield list(answers.values())
        # Not at the same time: then the first words of every model would come later.
        for name, answerer in self._answerers.items():
            for part in answerer.stream(asked):
                if isinstance(part, str):
                    answers[name] = ModelAnswer(name, part)
                else:
                    answers[name] = ModelAnswer(name, part.answer, part, self._similarity(part, reference))
                yield list(answers.values())

    def _similarity(self, answer: CitedAnswer, reference: str | None) -> float | None:
        if reference is None or answer.abstained:
            return None
        return float(self._encoder.similarities([answer.answer], [reference])[0])
