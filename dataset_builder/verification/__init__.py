"""Decide whether an abstract supports an answer: kinds of error, prompt, scores, report."""
