"""Decide whether an abstract supports an answer: examples of right and wrong answers, prompt, scores, report."""
