"""Align a model with the evaluation: sample answers, rank them, and prefer the best to the worst."""
