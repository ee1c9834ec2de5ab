"""Train a verifier: its rows, model, trainer and scores."""
