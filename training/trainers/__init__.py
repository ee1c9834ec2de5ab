"""Train on the rows of papers, and stop a run before it loses its model."""
