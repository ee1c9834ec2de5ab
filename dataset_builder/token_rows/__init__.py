"""Put several prompts on one abstract into one row of tokens, and collate such rows into a batch."""
