"""The checkpoint chosen by what is measured: similarity of answers to validation questions, not loss."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


class ValidationAnswers:
    """Answers a fixed sample of validation questions and scores the answers as the evaluation does, in float32."""

    def __init__(self, validation: Dataset, questions: int, encoder: str, tokenizer: PreTrainedTokenizerBase) -> None:
        from eval.metrics.embedding import Encoder
        from eval.models import find_encoder
        from eval.question_sample import sample_questions

        self.rows: list[dict[str, Any]] = sample_questions(validation.to_list(), questions)
        self.encoder = Encoder(find_encoder("encoder", encoder))
        self.tokenizer = tokenizer

    def similarity(self, model: PreTrainedModel) -> float:
        """Return the mean cosine similarity of the model's greedy answers; each process answers its share."""
        import torch
        from accelerate import PartialState
        from accelerate.utils import reduce

        from eval.generation.answers import answer_in_batches
        from eval.generation.shards import shard

        processes = PartialState()
        share = shard(self.rows, processes.process_index, processes.num_processes)
        answers: dict[int, str] = {}
        similarities = []
        if share:
            with _answering(model):
                for batch in answer_in_batches(model, self.tokenizer, share):
                    answers.update(batch)
            similarities = self.encoder.similarities(
                [answers[number] for number in range(len(share))], [row["answer"] for row in share]
            ).tolist()
        total = reduce(torch.tensor([sum(similarities), len(share)], device=processes.device), "sum")
        return (total[0] / total[1]).item()


class ValidationBeforeAndAfter(TrainerCallback):
    """Puts the similarity of the answers before the first step and after the last one into the trainer's log."""

    def __init__(self, answers: ValidationAnswers) -> None:
        self.answers = answers

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Score the model as it comes, but not where a resumed run stands."""
        if state.global_step == 0:
            self._score(state, kwargs["model"])

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Score the trained model."""
        self._score(state, kwargs["model"])

    def _score(self, state: TrainerState, model: PreTrainedModel) -> None:
        similarity = self.answers.similarity(model)
        state.log_history.append({"epoch": state.epoch, "step": state.global_step, "eval_similarity": similarity})


@contextmanager
def _answering(model: PreTrainedModel) -> Iterator[None]:
    """Within the block the model does not train, and computes in the type of its weights.

    accelerate lays its autocast over a model as an attribute `forward` of the object, before the class's own.
    """
    was_training, autocast = model.training, model.__dict__.pop("forward", None)
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)
        if autocast is not None:
            model.forward = autocast
