"""Train on rows of papers with TRL's SFTTrainer: the loss of the answers, and the similarity of validation answers."""

import copy
import logging
import os
from collections.abc import Callable
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from torch.utils.data import Sampler
from transformers.modeling_layers import GradientCheckpointingLayer
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from training.guarded_trainer import GuardedTrainer
from training.paper_rows import NO_LOSS, row_lengths
from training.row_order import EpochOrder

logger = logging.getLogger(__name__)


def compile_layers(model: Any, backend: str | None) -> None:
    """Compile the decoder layer, which all layers share, for rows of any length.

    Compiling the whole model, as the trainer would, takes many minutes: the answers have another number of tokens in
    each batch.
    """
    for module in model.modules():
        if isinstance(module, GradientCheckpointingLayer):
            module.compile(backend=backend or "inductor", dynamic=True)


class RowTrainer(GuardedTrainer, SFTTrainer):
    """Trains on the rows of `paper_rows.py`.

    `similarity` scores the validation answers of the model after each epoch. The epoch with the highest similarity is
    kept; without `similarity`, the last one.
    """

    def __init__(self, *, args: SFTConfig, similarity: Callable[[Any], float] | None = None, **kwargs: Any) -> None:
        """Take the arguments of SFTTrainer."""
        args = copy.copy(args)
        args.remove_unused_columns = False
        args.dataset_kwargs = {"skip_prepare_dataset": True}
        if similarity:
            args.metric_for_best_model, args.greater_is_better, args.load_best_model_at_end = "similarity", True, True
        compiles, backend = args.torch_compile, args.torch_compile_backend
        # The trainer and accelerate, which reads a variable that TrainingArguments set, would compile the whole model.
        args.torch_compile, args.torch_compile_backend = False, None
        os.environ.pop("ACCELERATE_DYNAMO_BACKEND", None)
        super().__init__(args=args, **kwargs)
        if compiles:
            compile_layers(self.model, backend)
        self._similarity = similarity
        rows_per_step = self.args.train_batch_size * self.args.gradient_accumulation_steps * self.args.world_size
        self._order = EpochOrder(row_lengths(kwargs["train_dataset"]), rows_per_step, self.args.seed)
        self.add_callback(self._order)

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        return self._order

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:
        """Return the cross entropy of the answers, divided by their tokens in the step (None: in the batch)."""
        labels = inputs["labels"][:, 1:]
        # Logits of the other positions are not needed, and a row has many.
        positions = (labels != NO_LOSS).any(dim=0).nonzero()[:, 0]
        outputs = model(
            input_ids=inputs["input_ids"],
            position_ids=inputs["position_ids"],
            attention_mask=inputs["attention_mask"],
            logits_to_keep=positions,
            use_cache=False,
        )
        kept = labels[:, positions]
        loss = cross_entropy(
            outputs.logits.flatten(0, 1).float(), kept.flatten(), ignore_index=NO_LOSS, reduction="sum"
        )
        if num_items_in_batch is None:
            loss = loss / (kept != NO_LOSS).sum()
        else:
            # The gradients of several processes are averaged, and the number is the sum over the processes.
            loss = loss / num_items_in_batch * self.accelerator.num_processes
        return (loss, outputs) if return_outputs else loss

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Return the trainer's metrics, and `eval_similarity`, which chooses the checkpoint."""
        metrics: dict[str, float] = super().evaluate(*args, **kwargs)
        shown = f"validation loss {metrics['eval_loss']:.3f}"
        if self._similarity:
            metrics["eval_similarity"] = self._similarity(self.model)
            self.log({"eval_similarity": metrics["eval_similarity"]})
            shown += f", similarity {metrics['eval_similarity']:.3f}"
        if self.is_world_process_zero():
            epoch = self.state.epoch
            logger.info("%s: %s", f"epoch {epoch:.3g}" if epoch else "before training", shown)
        return metrics
