"""Publish everything in one command: corpus, models, metric and demo, and a collection of them."""
