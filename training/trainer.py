"""TRL's SFTTrainer on the rows of this project: their order, their mask, their logits."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from safetensors import SafetensorError
from torch.utils.data import Sampler
from transformers import ProgressCallback
from trl import SFTTrainer

from training.batches import attention_mask
from training.failures import TrainingError
from training.measure import ProgressLine, flops_per_token, peak_flops
from training.order import EpochOrderSampler
from training.rows import NO_LOSS


class RowTrainer(SFTTrainer):
    """Trains on `training.rows` collated by `training.batches`. Loss, its normalisation and counts are TRL's."""

    def __init__(self, similarity: Callable[[Any], float] | None = None, **kwargs: Any) -> None:
        """Take SFTTrainer's arguments, and `similarity`, which scores a model's validation answers.

        With it the checkpoint of the highest score is loaded when training ends.
        """
        kwargs["args"].remove_unused_columns = False
        # TRL's preparation would cut a row, which may be longer than a sequence, at max_length.
        kwargs["args"].dataset_kwargs = {"skip_prepare_dataset": True}
        # A loss that is no number would be replaced by the mean of those before it.
        kwargs["args"].logging_nan_inf_filter = False
        if similarity:
            kwargs["args"].metric_for_best_model, kwargs["args"].greater_is_better = "similarity", True
            kwargs["args"].load_best_model_at_end = True
        super().__init__(**kwargs)
        self._similarity = similarity
        if not self.args.disable_tqdm:
            self.remove_callback(ProgressCallback)
            self.add_callback(ProgressLine(flops_per_token(self.model), peak_flops(self.args.bf16)))
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
        if not torch.isfinite(loss):
            raise TrainingError(
                f"the loss of step {self.state.global_step + 1} is {loss.item()}; the weights were left as they were: "
                "pass a lower --learning_rate, or --bf16 false"
            )
        if self.model.training:
            return loss
        # The evaluation loop weighs batches by their rows; answers are long and short, so weigh them by their tokens.
        return loss * predicting.sum() / (len(predicting) * self._validation_tokens_a_row)

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Return TRL's metrics and `eval_similarity`, by which the best checkpoint is chosen."""
        metrics = super().evaluate(*args, **kwargs)
        if self._similarity:
            scored = {"eval_similarity": self._similarity(self.model)}
            self.log(dict(scored))
            metrics |= scored
        return metrics

    def _save_checkpoint(self, *args: Any, **kwargs: Any) -> None:
        """Save; on a failure the checkpoint before stays, which is deleted only once this one is whole."""
        try:
            super()._save_checkpoint(*args, **kwargs)
        except (OSError, RuntimeError, SafetensorError) as error:
            folder = Path(self.args.output_dir)
            shutil.rmtree(folder / f"checkpoint-{self.state.global_step}", ignore_errors=True)
            free = shutil.disk_usage(folder).free / 2**30
            raise TrainingError(
                f"{folder}: the checkpoint of step {self.state.global_step} could not be saved ({error}); "
                f"{free:.1f} GiB are free there: make room, then run the same command again"
            ) from error

    def _keep_predicting(self, backbone: torch.nn.Module, inputs: Any, outputs: Any) -> Any:
        """Leave of the backbone's last states, (rows, length, size), those that a label follows: (1, labels, size)."""
        if self._predicting is not None:
            outputs.last_hidden_state = outputs.last_hidden_state[:, :-1][self._predicting][None]
        return outputs
