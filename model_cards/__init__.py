"""Scores made into the cards of models, and models published with them."""
