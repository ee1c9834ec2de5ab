"""The corpus made into models: full fine-tuning and LoRA by TRL under `accelerate launch`."""
