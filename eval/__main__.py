"""Evaluate models on the corpus, ask them questions, verify answers, and publish the similarity metric."""

import argparse

from dataset_builder.command import package_parser, run_stage
from eval import ask, push_metric, run, verify


def parser() -> argparse.ArgumentParser:
    """Return the command's parser."""
    return package_parser("eval", __doc__, {"run": run, "answer": ask, "verify": verify, "push-metric": push_metric})


if __name__ == "__main__":
    run_stage(parser())
