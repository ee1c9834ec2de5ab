"""Score answers by a verifier: the probability that the abstract supports them."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from tqdm import tqdm

from dataset_builder.token_rows.row import last_columns
from dataset_builder.verification.prompt import verdict_tokens
from dataset_builder.verification.rows import verification_row

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

# Answers that share a row with their abstract, and rows in a batch. A row of 16 answers has about 900 tokens.
ANSWERS_IN_A_ROW = 16
ROWS_ON_CPU, ROWS_ON_GPU = 2, 16


class Verifier:
    """A trained verifier. It reads an abstract once for all answers in a row."""

    def __init__(self, model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", max_tokens: int) -> None:
        """Take a loaded causal language model, and the largest number of tokens of a prompt with its verdict."""
        self._model = model
        self._tokenizer = tokenizer
        self._max_tokens = max_tokens
        self._verdict = verdict_tokens(tokenizer)

    def scores(self, context: str, questions: Sequence[str], answers: Sequence[str]) -> list[float]:
        """Return the support of each answer to its question by the abstract `context`, from 0 to 1.

        The support is P(yes) / (P(yes) + P(no)). `questions` and `answers` have the same length.
        """
        items = [(context, question, answer) for question, answer in zip(questions, answers, strict=True)]
        return self.score_all(items, hidden=True)

    def score_all(self, items: Sequence[tuple[str, str, str]], *, hidden: bool = False) -> list[float]:
        """Return the support of each (abstract, question, answer).

        Unless `hidden`, a terminal shows a progress bar.
        """
        scores: dict[int, float] = {}
        with tqdm(total=len(items), desc="verifying", unit="answer", disable=hidden or None) as bar:
            for batch in self.score_batches(items):
                scores |= batch
                bar.update(len(batch))
        return [scores[number] for number in range(len(items))]

    def score_batches(self, items: Sequence[tuple[str, str, str]]) -> Iterator[dict[int, float]]:
        """Yield the support of (abstract, question, answer) by the number of the item, a batch at a time.

        The batches are in the order of the abstracts' first items. An empty answer has the support 0.
        """
        papers: dict[str, dict[str, list[int]]] = {}
        empty: dict[int, float] = {}
        for number, (context, question, answer) in enumerate(items):
            if answer.strip():
                papers.setdefault(context, {}).setdefault(question, []).append(number)
            else:
                empty[number] = 0.0
        if empty:
            yield empty
        rows = [
            numbers[start : start + ANSWERS_IN_A_ROW]
            for questions in papers.values()
            for numbers in [[number for own in questions.values() for number in own]]
            for start in range(0, len(numbers), ANSWERS_IN_A_ROW)
        ]
        size = ROWS_ON_GPU if self._model.device.type == "cuda" else ROWS_ON_CPU
        for start in range(0, len(rows), size):
            batch = rows[start : start + size]
            yield self._score_rows([[items[number] for number in numbers] for numbers in batch], batch)

    def _score_rows(self, rows: list[list[tuple[str, str, str]]], numbers: list[list[int]]) -> dict[int, float]:
        import torch

        from dataset_builder.token_rows.collator import RowCollator, attention_mask

        encoded = [verification_row(row, self._tokenizer, self._max_tokens) for row in rows]
        ends = [last_columns(row) for row, _ in encoded]
        device = self._model.device
        inputs = {name: tensor.to(device) for name, tensor in RowCollator(0)([row for row, _ in encoded]).items()}
        with torch.inference_mode():
            states = self._model.base_model(
                input_ids=inputs["input_ids"],
                position_ids=inputs["position_ids"],
                attention_mask=attention_mask(inputs["parts"], inputs["branches"]),
                use_cache=False,
            ).last_hidden_state
            row_of_end = torch.tensor([row for row, columns in enumerate(ends) for _ in columns], device=device)
            column = torch.tensor([end for columns in ends for end in columns], device=device)
            head = self._model.get_output_embeddings()  # type: ignore[no-untyped-call]  # not annotated
            logits = head(states[row_of_end, column])[:, [self._verdict.yes, self._verdict.no]].double()
            supports = logits.softmax(dim=-1)[:, 0].tolist()
        flat = [own[place] for own, (_, order) in zip(numbers, encoded, strict=True) for place in order]
        return dict(zip(flat, supports, strict=True))
