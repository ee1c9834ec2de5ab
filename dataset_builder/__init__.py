"""Crawl papers, generate question-answer pairs, and build and publish a `datasets` corpus."""
