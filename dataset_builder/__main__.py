"""Build a question-answering corpus: crawl papers, generate pairs, build the corpus, and publish it on the Hub."""

import argparse

from dataset_builder.command import package_parser, run_stage
from dataset_builder.corpus import build, hydrate
from dataset_builder.corpus.publication import push
from dataset_builder.crawl import run as crawl
from dataset_builder.generate import run as generate
from dataset_builder.models import packaged

STAGES = {
    "crawl": crawl,
    "generate": generate,
    "build": build,
    "push": push,
    "hydrate": hydrate,
    "models": packaged,
}


def parser() -> argparse.ArgumentParser:
    """Return the command's parser."""
    return package_parser("dataset_builder", __doc__, STAGES)


if __name__ == "__main__":
    run_stage(parser())
