"""Train on rows with an attention mask of their own: a base of the trainers of SFT and DPO."""

from contextlib import AbstractContextManager
from typing import Any

import torch

from dataset_builder.models.attention import attention_by
from training.trainers.guarded_trainer import GuardedTrainer
from training.trainers.matrix_attention import MATRICES


class MaskedTrainer(GuardedTrainer):
    """On a CPU, the training steps compute the attention as `matrix_attention.py` does."""

    @property
    def network(self) -> Any:
        """Return the model that is trained. The trainer's own attribute may be None by its type."""
        return self.model

    def training_step(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Return the loss of a batch, after its backward pass."""
        with self.fast_attention():
            loss: torch.Tensor = super().training_step(*args, **kwargs)
        return loss

    def fast_attention(self) -> AbstractContextManager[None]:
        """Return the context in which the attention of the model is computed in the fastest way of the device."""
        return attention_by(MATRICES if self.accelerator.device.type == "cpu" else "sdpa", self.network)
