"""Generate the answers of a model."""
