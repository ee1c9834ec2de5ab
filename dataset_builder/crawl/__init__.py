"""Crawl a venue: list its papers at DBLP and find their abstracts, with pauses for each host, and resumable."""
