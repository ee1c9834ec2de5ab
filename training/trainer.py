"""TRL's SFTTrainer on the rows of this project: their order, their mask, their logits."""

from __future__ import annotations

from typing import Any

import torch
from peft import PeftModel
from torch.utils.data import Sampler
from trl import SFTTrainer

from training.batches import attention_mask
from training.order import EpochOrderSampler
from training.rows import NO_LOSS


class RowTrainer(SFTTrainer):
    """Trains on `training.rows` collated by `training.batches`. Loss, its normalisation and counts are TRL's."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs["args"].remove_unused_columns = False
        # TRL's preparation would cut a row, which may be longer than a sequence, at max_length.
        kwargs["args"].dataset_kwargs = {"skip_prepare_dataset": True}
        super().__init__(**kwargs)
        labels = [label for of_row in self.eval_dataset["labels"] for label in of_row] if self.eval_dataset else []
        self._validation_tokens_a_row = (len(labels) - labels.count(NO_LOSS)) / max(1, len(self.eval_dataset or []))
        self._predicting: torch.Tensor | None = None
        if self.accelerator.device.type == "cpu":
            model = self.model.get_base_model() if isinstance(self.model, PeftModel) else self.model
            model.base_model.register_forward_hook(self._keep_predicting)

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        args = self.args
        rows_a_step = args.per_device_train_batch_size * args.gradient_accumulation_steps * args.world_size
        lengths = [len(ids) for ids in self.train_dataset["input_ids"]]
        return EpochOrderSampler(lengths, rows_a_step, args.seed)

    def compute_loss(self, model: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Return TRL's loss, with the model given the mask that the row's parts ask for."""
        mask = attention_mask(inputs.pop("parts"))
        following = inputs["labels"][:, 1:]
        predicting = following != NO_LOSS
        if self.accelerator.device.type == "cpu":
            # Where there is no Triton, TRL computes the logits of every token; here they are computed for the labels.
            self._predicting = predicting
            inputs["shift_labels"] = following[predicting][None]

        def masked_model(**inputs: Any) -> Any:
            return model(**{**inputs, "attention_mask": mask})

        try:
            loss = super().compute_loss(masked_model, inputs, *args, **kwargs)
        finally:
            self._predicting = None
        if self.model.training:
            return loss
        # The evaluation loop weighs batches by their rows; answers are long and short, so weigh them by their tokens.
        return loss * predicting.sum() / (len(predicting) * self._validation_tokens_a_row)

    def _keep_predicting(self, backbone: torch.nn.Module, inputs: Any, outputs: Any) -> Any:
        """Leave of the backbone's last states, (rows, length, size), those that a label follows: (1, labels, size)."""
        if self._predicting is not None:
            outputs.last_hidden_state = outputs.last_hidden_state[:, :-1][self._predicting][None]
        return outputs
