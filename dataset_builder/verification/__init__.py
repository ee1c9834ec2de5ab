"""Decide whether an abstract supports an answer: kinds of error, reader, scores, report."""
