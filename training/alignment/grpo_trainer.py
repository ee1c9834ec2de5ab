"""Train with TRL's GRPOTrainer, so that a run which was stopped continues with the same prompts."""

from typing import Any

from trl.trainer.grpo_trainer import GRPOTrainer
from trl.trainer.utils import RepeatSampler

from training.data.sampler import BeginEpoch
from training.trainers.guarded_trainer import GuardedTrainer


class PromptOrder:
    """Sets the order of the prompts in an epoch by seed and epoch. TRL draws it from a state that is not saved."""

    def __init__(self, sampler: RepeatSampler, seed: int) -> None:
        self._sampler = sampler
        self._seed = seed

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch, counted from 0."""
        self._sampler.generator.manual_seed(self._seed + epoch)


class AnswerTrainer(GuardedTrainer, GRPOTrainer):
    """Trains an adapter on its own answers. Rewards, losses and logged values are TRL's."""

    def _get_train_sampler(self, dataset: Any = None) -> Any:
        sampler: Any = super()._get_train_sampler(dataset)
        self.add_callback(BeginEpoch(PromptOrder(sampler, self.args.seed)))
        return sampler
