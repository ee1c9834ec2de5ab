"""Train an encoder to label an answer, and the place of its error, with the Trainer of transformers."""

import copy
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from transformers import TrainingArguments

from dataset_builder.token_rows.row import NO_LOSS
from training.guarded_trainer import GuardedTrainer

# An answer has many right tokens for each wrong one.
PLACE_WEIGHTS = (1.0, 5.0)


class VerifierTrainer(GuardedTrainer):
    """Trains on the rows of `training.data.verification`, of which those of similar length share a batch."""

    def __init__(self, *, args: TrainingArguments, **kwargs: Any) -> None:
        """Take the arguments of the Trainer of transformers."""
        args = copy.copy(args)
        args.train_sampling_strategy = "group_by_length"
        super().__init__(args=args, **kwargs)
        # The trainer divides the loss by the number of accumulation steps, since it is a mean over a batch.
        self.model_accepts_loss_kwargs = False

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Return the mean cross entropy of the verdicts, plus that of the places."""
        labels = inputs.pop("labels")
        outputs = model(**inputs)
        logits = outputs.logits.float()
        loss = cross_entropy(logits[:, 0], labels[:, 0]) + place_loss(logits[:, 1:], labels[:, 1:])
        return (loss, outputs) if return_outputs else loss


def place_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return the weighted mean cross entropy of the labelled tokens, 0 without any.

    `logits` are (rows, length, 2), and `labels` (rows, length).
    """
    labelled = labels != NO_LOSS
    if not labelled.any():
        # A sum over nothing, so that every process has the same gradients to exchange.
        return logits[labelled].sum()
    return cross_entropy(logits[labelled], labels[labelled], weight=logits.new_tensor(PLACE_WEIGHTS))
