"""Publish everything in one command: corpus, models, verifier, metric and demo, and a collection of them."""
