"""Publish everything in one command: corpus, models, verifier and metric, and a collection that holds them."""
