"""Scores made into the cards of the corpus and of each model."""
