"""Score answers against reference answers."""
