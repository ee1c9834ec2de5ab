"""Train an encoder to label an answer, and the place of its error, with the Trainer of transformers."""

from typing import Any

import torch
from datasets import Dataset
from torch.nn.functional import cross_entropy
from torch.utils.data import Sampler

from dataset_builder.token_rows.row import NO_LOSS
from training.data.sampler import BeginEpoch, EpochOrderSampler, row_lengths
from training.trainers.guarded_trainer import GuardedTrainer

# An answer has many right tokens for each wrong one.
PLACE_WEIGHTS = (1.0, 5.0)


class VerifierTrainer(GuardedTrainer):
    """Trains on the rows of `training.verification.rows`, of which those of similar length share a batch."""

    def __init__(self, *, train_dataset: Dataset, **kwargs: Any) -> None:
        """Take the arguments of the Trainer of transformers."""
        super().__init__(train_dataset=train_dataset, **kwargs)
        # The loss is a mean over a batch, which the trainer is to divide by the number of accumulation steps.
        self.model_accepts_loss_kwargs = False
        rows_per_step = self.args.train_batch_size * self.args.gradient_accumulation_steps * self.args.world_size
        self._sampler = EpochOrderSampler(row_lengths(train_dataset), rows_per_step, self.args.seed)
        self.add_callback(BeginEpoch(self._sampler))

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        return self._sampler

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
