"""Align a model with the evaluation: sample answers, rank or reward them, and prefer the best."""
