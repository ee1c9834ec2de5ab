"""Train on preferences with TRL's DPOTrainer, guarded as every training of this project is."""

from trl.trainer.dpo_trainer import DPOTrainer

from training.guarded_trainer import GuardedTrainer


class PreferenceTrainer(GuardedTrainer, DPOTrainer):
    """TRL's trainer. Its model is an adapter, of which TRL keeps a copy as the reference model."""
