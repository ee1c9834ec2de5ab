"""A training run: its recipe, its folder, its measurements and its failures."""
