"""Train models on the corpus: supervised fine-tuning, alignment by GRPO, sweeps, and best-of-n answers."""
