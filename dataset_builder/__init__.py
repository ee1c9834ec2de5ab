"""Crawl papers, generate question-answer pairs, and build and publish a `datasets` corpus."""

import os

# Threads of torch sleep while they wait for each other. By default they spin, which takes the processor from every
# other process, and makes training beside a busy process several times slower. torch reads this when it loads.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
