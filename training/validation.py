"""Score a model in training by its answers to validation questions, as the evaluation scores them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import reduce
from datasets import Dataset
from transformers import PreTrainedModel, PreTrainedTokenizerBase, TrainerCallback, TrainerState

from dataset_builder.corpus.questions import read_questions
from eval.generation.answers import answer_in_batches
from eval.metrics.embedding import Encoder
from eval.question_sample import sample_pairs, shard


class ValidationAnswers:
    """Answers a fixed sample of a validation split, and scores the answers as the evaluation does.

    The answers are computed in the precision of the weights, without autocast.
    """

    def __init__(self, validation: Dataset, count: int, encoder: Encoder, tokenizer: PreTrainedTokenizerBase) -> None:
        self.questions = read_questions(validation.select(sample_pairs(validation, count)))
        self._encoder = encoder
        self._tokenizer = tokenizer

    def similarity(self, model: PreTrainedModel) -> float:
        """Return the mean cosine similarity of the model's greedy answers. Each process answers its share."""
        processes = PartialState()
        share = shard(self.questions, processes.process_index, processes.num_processes)
        answers: dict[int, str] = {}
        similarities: list[float] = []
        if share:
            with in_evaluation_mode(model), torch.compiler.set_stance("force_eager"):
                for batch in answer_in_batches(model, self._tokenizer, share):
                    answers |= {number: answer.text for number, answer in batch.items()}
            similarities = self._encoder.similarities(
                [answers[number] for number in range(len(share))], [question.answer for question in share]
            ).tolist()
        total = reduce(torch.tensor([sum(similarities), len(share)], device=processes.device), "sum")
        return float(total[0] / total[1])


class ValidationBeforeAndAfter(TrainerCallback):
    """Puts the similarity of the answers before the first step and after the last one into the trainer's log."""

    def __init__(self, answers: ValidationAnswers) -> None:
        self._answers = answers

    def on_train_begin(self, args: Any, state: TrainerState, control: Any, **kwargs: Any) -> None:
        """Score the model before its first step, but not that of a resumed run."""
        if state.global_step == 0:
            self.on_train_end(args, state, control, **kwargs)

    def on_train_end(self, args: Any, state: TrainerState, control: Any, **kwargs: Any) -> None:
        """Score the trained model."""
        similarity = self._answers.similarity(kwargs["model"])
        state.log_history.append({"epoch": state.epoch, "step": state.global_step, "eval_similarity": similarity})


class ValidationAtEpochEnd(TrainerCallback):
    """Validates with the last step of each epoch and saves, so that the checkpoint of that step has the scores.

    With the trainer's own eval_strategy "epoch", validation follows that checkpoint: a run that resumes from it has
    lost the scores.
    """

    def on_step_end(self, args: Any, state: TrainerState, control: Any, **kwargs: Any) -> None:
        """Request validation at the end of an epoch and of the run."""
        epoch = state.epoch or 0.0
        if epoch == round(epoch) or state.global_step >= state.max_steps:
            control.should_evaluate = True
            control.should_save = args.save_strategy != "no"


@contextmanager
def in_evaluation_mode(model: PreTrainedModel) -> Iterator[None]:
    """Put the model into evaluation mode, without autocast, within the block.

    accelerate adds autocast as an attribute `forward` of the model object, which hides the method of the class.
    """
    was_training, autocast = model.training, model.__dict__.pop("forward", None)
    model.train(False)
    try:
        yield
    finally:
        model.train(was_training)
        if autocast is not None:
            model.__dict__["forward"] = autocast
