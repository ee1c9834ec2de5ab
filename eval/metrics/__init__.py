"""Measure answers against reference answers."""
