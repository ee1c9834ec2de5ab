"""Train models on the corpus: supervised fine-tuning, in full or with LoRA, and DPO."""
