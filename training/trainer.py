"""TRL's SFTTrainer on the rows of this project: their order, their mask, their logits."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Any

import torch
from peft import PeftModel
from torch.utils.data import Sampler
from transformers import ProgressCallback
from transformers.trainer_utils import EvalLoopOutput
from trl import SFTTrainer

from training.data.collator import attention_mask
from training.data.sampler import BeginEpoch, EpochOrderSampler
from training.data.tokenization import NO_LOSS, pad_dataset
from training.failures import Guarded, TrainingError
from training.hardware import compile_layers
from training.measure import ProgressLine, flops_per_token, peak_flops


class RowTrainer(Guarded, SFTTrainer):
    """Train on the rows of `training.data`. The loss, its normalisation and the counts are those of TRL."""

    def __init__(self, similarity: Callable[[Any], float] | None = None, **kwargs: Any) -> None:
        """Take SFTTrainer's arguments, and `similarity`, which scores a model's validation answers.

        With it the checkpoint of the highest score is loaded when training ends.
        """
        args = kwargs["args"]
        args.remove_unused_columns = False
        # TRL's preparation would cut a row, which may be longer than a sequence, at max_length.
        args.dataset_kwargs = {"skip_prepare_dataset": True}
        # A loss that is no number would be replaced by the mean of those before it.
        args.logging_nan_inf_filter = False
        if similarity:
            args.metric_for_best_model, args.greater_is_better = "similarity", True
            args.load_best_model_at_end = True
        if args.world_size > 1 or args.torch_compile:
            kwargs["train_dataset"] = pad_dataset(kwargs["train_dataset"], args.train_batch_size * args.world_size)
        if args.world_size > 1 and kwargs.get("eval_dataset"):
            kwargs["eval_dataset"] = pad_dataset(kwargs["eval_dataset"], args.eval_batch_size * args.world_size)
        compiler = (args.torch_compile_backend, args.torch_compile_mode) if args.torch_compile else None
        if compiler:
            # The trainer and accelerate would compile the whole model.
            args.torch_compile, args.torch_compile_backend, args.torch_compile_mode = False, None, None
            for name in ("ACCELERATE_DYNAMO_BACKEND", "ACCELERATE_DYNAMO_MODE"):
                os.environ.pop(name, None)
        super().__init__(**kwargs)
        if compiler:
            compile_layers(self.model, *compiler)
        self._similarity = similarity
        lengths = [len(ids) for ids in self.train_dataset["input_ids"]]
        rows_a_step = self.args.train_batch_size * self.args.gradient_accumulation_steps * self.args.world_size
        self._order = EpochOrderSampler(lengths, rows_a_step, self.args.seed)
        self.add_callback(BeginEpoch(self._order))
        if not self.args.disable_tqdm:
            self.remove_callback(ProgressCallback)
            self.add_callback(ProgressLine(flops_per_token(self.model), peak_flops(self.args.bf16)))
        self._validation: list[torch.Tensor] = []
        self._predicting: torch.Tensor | None = None
        if self.accelerator.device.type == "cpu":
            model = self.model.get_base_model() if isinstance(self.model, PeftModel) else self.model
            model.base_model.register_forward_hook(self._keep_predicting)

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        return self._order

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
        if not self.model.training:
            tokens = predicting.sum()
            self._validation.append(torch.stack([loss.double() * tokens, tokens.double()]))
        return loss

    def evaluation_loop(self, *args: Any, **kwargs: Any) -> EvalLoopOutput:
        """Return TRL's, with the mean loss a token of the answers, over all batches of all processes.

        The trainer's own weighs batches by their rows, which hold more and fewer answers, long and short ones.
        """
        self._validation = []
        # Validation and its answers come in shapes of their own, too many to compile for.
        with torch.compiler.set_stance("force_eager"):
            output = super().evaluation_loop(*args, **kwargs)
        summed, tokens = self.accelerator.reduce(torch.stack(self._validation).sum(dim=0), "sum").tolist()
        loss = summed / tokens
        if not math.isfinite(loss):
            raise TrainingError(
                f"the validation loss after step {self.state.global_step} is {loss}: pass a lower --learning_rate"
            )
        output.metrics["eval_loss"] = loss
        return output

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Return TRL's metrics and `eval_similarity`, by which the best checkpoint is chosen."""
        metrics = super().evaluate(*args, **kwargs)
        if self._similarity:
            with torch.compiler.set_stance("force_eager"):
                scored = {"eval_similarity": self._similarity(self.model)}
            self.log(dict(scored))
            metrics |= scored
        return metrics

    def _keep_predicting(self, backbone: torch.nn.Module, inputs: Any, outputs: Any) -> Any:
        """Leave of the backbone's last states, (rows, length, size), those that a label follows: (1, labels, size)."""
        if self._predicting is not None:
            outputs.last_hidden_state = outputs.last_hidden_state[:, :-1][self._predicting][None]
        return outputs
