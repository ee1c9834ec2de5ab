"""Train on the rows of this project with TRL's SFTTrainer: add their order, attention mask and validation answers."""

import copy
import logging
import math
import os
from collections.abc import Callable
from typing import Any

import torch
from datasets import Dataset
from peft import PeftModel
from torch.utils.data import Sampler
from transformers.trainer_utils import EvalLoopOutput
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from dataset_builder.token_rows.collator import attention_mask
from dataset_builder.token_rows.row import NO_LOSS
from training.data.sampler import BeginEpoch, EpochOrderSampler, row_lengths
from training.data.tokenization import pad_dataset
from training.hardware import compile_layers
from training.run.failures import TrainingError
from training.trainers.guarded_trainer import GuardedTrainer
from training.trainers.label_scores import LabelScores, score_labels

logger = logging.getLogger(__name__)


class RowTrainer(GuardedTrainer, SFTTrainer):
    """Trains on the rows of `training.data`. The loss, its normalisation and the counts are TRL's."""

    def __init__(
        self,
        *,
        args: SFTConfig,
        train_dataset: Dataset,
        eval_dataset: Dataset | None = None,
        similarity: Callable[[Any], float] | None = None,
        **kwargs: Any,
    ) -> None:
        """Take the arguments of SFTTrainer, and `similarity`, which scores the validation answers of a model.

        With `similarity`, the checkpoint with the highest score is loaded when training ends.
        """
        args = copy.copy(args)
        args.remove_unused_columns = False
        # TRL's preparation would cut a row at max_length. A row of several pairs may be longer than that.
        args.dataset_kwargs = {"skip_prepare_dataset": True}
        if similarity:
            args.metric_for_best_model, args.greater_is_better = "similarity", True
            args.load_best_model_at_end = True
        if args.world_size > 1 or args.torch_compile:
            train_dataset = pad_dataset(train_dataset, args.train_batch_size * args.world_size)
        if args.world_size > 1 and eval_dataset:
            eval_dataset = pad_dataset(eval_dataset, args.eval_batch_size * args.world_size)
        compiler = (args.torch_compile_backend, args.torch_compile_mode) if args.torch_compile else None
        if compiler:
            # The trainer and accelerate would compile the whole model.
            args.torch_compile, args.torch_compile_backend, args.torch_compile_mode = False, None, None
            for name in ("ACCELERATE_DYNAMO_BACKEND", "ACCELERATE_DYNAMO_MODE"):
                os.environ.pop(name, None)
        super().__init__(args=args, train_dataset=train_dataset, eval_dataset=eval_dataset, **kwargs)
        if compiler:
            compile_layers(self.network, *compiler)
        self._similarity = similarity
        rows_per_step = self.args.train_batch_size * self.args.gradient_accumulation_steps * self.args.world_size
        self._sampler = EpochOrderSampler(row_lengths(train_dataset), rows_per_step, self.args.seed)
        self.add_callback(BeginEpoch(self._sampler))
        self._validation: list[torch.Tensor] = []
        self._predicting: torch.Tensor | None = None
        if self.accelerator.device.type == "cpu":
            model: Any = self.network.get_base_model() if isinstance(self.network, PeftModel) else self.network
            model.base_model.register_forward_hook(self._keep_predicting)

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        return self._sampler

    def compute_loss(self, model: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Return TRL's loss of the model under the attention mask that follows from the parts of the rows."""
        mask = attention_mask(inputs.pop("parts"))
        following = inputs["labels"][:, 1:]
        predicting = following != NO_LOSS
        labels = following[predicting][None]

        def masked_model(**inputs: Any) -> Any:
            return model(**{**inputs, "attention_mask": mask})

        def scored_model(*, input_ids: Any, position_ids: Any, **ignored: Any) -> LabelScores:
            outputs = model(input_ids=input_ids, position_ids=position_ids, attention_mask=mask, use_cache=False)
            return score_labels(outputs.logits, labels)

        # Without Triton, TRL would compute the logits of every token, in several passes over the vocabulary. On a CPU
        # the hook keeps the tokens with a label, and the loss is computed from the logits of the model itself.
        on_cpu = self.accelerator.device.type == "cpu"
        if on_cpu:
            self._predicting = predicting

        try:
            loss: torch.Tensor = super().compute_loss(  # type: ignore[no-untyped-call]  # TRL
                scored_model if on_cpu else masked_model, inputs, *args, **kwargs
            )
        finally:
            self._predicting = None
        if not self.network.training:
            tokens = predicting.sum()
            self._validation.append(torch.stack([loss.double() * tokens, tokens.double()]))
        return loss

    def evaluation_loop(self, *args: Any, **kwargs: Any) -> EvalLoopOutput:
        """Return the output of TRL's loop with the mean loss over all answer tokens of all processes.

        The loss of the trainer itself weights batches by their rows, which have different numbers of answer tokens.
        """
        self._validation = []
        # Validation batches and answers have other shapes than training, too many to compile for.
        with torch.compiler.set_stance("force_eager"):
            output = super().evaluation_loop(*args, **kwargs)
        summed, tokens = self.accelerator.reduce(torch.stack(self._validation).sum(dim=0), "sum").tolist()
        loss = summed / tokens
        if not math.isfinite(loss):
            raise TrainingError(
                f"the validation loss after step {self.state.global_step} is {loss}: pass a lower --learning_rate"
            )
        return output._replace(metrics={**(output.metrics or {}), "eval_loss": loss})

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Return TRL's metrics, and `eval_similarity`, which decides the best checkpoint."""
        metrics: dict[str, float] = super().evaluate(*args, **kwargs)
        shown = f"validation loss {metrics['eval_loss']:.3f}"
        if self._similarity:
            with torch.compiler.set_stance("force_eager"):
                similarity = self._similarity(self.network)
            self.log({"eval_similarity": similarity})
            metrics["eval_similarity"] = similarity
            shown += f", similarity {similarity:.3f}"
        if self.is_world_process_zero():
            epoch = self.state.epoch
            logger.info("%s: %s", f"epoch {epoch:.3g}" if epoch else "before training", shown)
        return metrics

    def _keep_predicting(self, backbone: torch.nn.Module, inputs: Any, outputs: Any) -> Any:
        """Replace the last states of the backbone, (rows, length, size), by those with a label: (1, labels, size)."""
        if self._predicting is not None:
            outputs.last_hidden_state = outputs.last_hidden_state[:, :-1][self._predicting][None]
        return outputs
