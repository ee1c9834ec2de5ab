"""Check whether an abstract supports a text, by its names, numbers and meaning."""
