"""Read abstracts, one file for each source."""
