"""Score answers by a verifier: the probability that the abstract supports them."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from tqdm import tqdm

from dataset_builder.verification.reader import AnswerReader, ReadAnswer

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# The labels of a token. The label of the first token is the verdict on the whole answer.
LABELS = ("supported", "unsupported")
ANSWERS_ON_CPU, ANSWERS_ON_GPU = 32, 256


class Verifier:
    """A trained verifier: an encoder that labels the tokens of an answer, and first the whole answer."""

    def __init__(self, model: "PreTrainedModel", reader: AnswerReader) -> None:
        """Keep a token classifier with the two labels of `LABELS`, and the reader that prepares its inputs."""
        self._model = model
        self._reader = reader

    def score_all(self, items: Sequence[tuple[str, str, str]], *, hidden: bool = False) -> list[float]:
        """Return the support of each (abstract, question, answer), from 0 to 1.

        The support is the probability of "supported" at the first token. Unless `hidden`, a terminal shows a progress
        bar.
        """
        scores: dict[int, float] = {}
        with tqdm(total=len(items), desc="verifying", unit="answer", disable=hidden or None) as bar:
            for batch in self.score_batches(items):
                scores |= batch
                bar.update(len(batch))
        return [scores[number] for number in range(len(items))]

    def score_batches(self, items: Sequence[tuple[str, str, str]]) -> Iterator[dict[int, float]]:
        """Yield the support of (abstract, question, answer) by the number of the item, a batch at a time.

        A batch has answers of about the same length. An answer that is empty, or too long to be read with its
        question, has the support 0.
        """
        unread = {
            number: 0.0
            for number, (_, question, answer) in enumerate(items)
            if not answer.strip() or not self._reader.fits(question, answer)
        }
        if unread:
            yield unread
        read = {number: self._reader.read(*item) for number, item in enumerate(items) if number not in unread}
        by_length = sorted(read, key=lambda number: len(read[number].inputs["input_ids"]))
        size = ANSWERS_ON_GPU if self._model.device.type == "cuda" else ANSWERS_ON_CPU
        for start in range(0, len(by_length), size):
            numbers = by_length[start : start + size]
            yield dict(zip(numbers, self._score([read[number] for number in numbers]), strict=True))

    def _score(self, answers: Sequence[ReadAnswer]) -> list[float]:
        import torch

        inputs = self._reader.tokenizer.pad([dict(answer.inputs) for answer in answers], return_tensors="pt")
        with torch.inference_mode():
            logits = self._model(**inputs.to(self._model.device)).logits[:, 0].double()
        supports: list[float] = logits.softmax(dim=-1)[:, LABELS.index("supported")].tolist()
        return supports
