"""Evaluate models on the corpus, ask them questions, verify answers, plan tests, and publish the similarity metric."""

import argparse

from dataset_builder.command import package_parser, run_stage
from eval import ask, choose_threshold, plan, push_metric, run, verify


def parser() -> argparse.ArgumentParser:
    """Return the command's parser."""
    stages = {
        "run": run,
        "answer": ask,
        "verify": verify,
        "choose-threshold": choose_threshold,
        "plan": plan,
        "push-metric": push_metric,
    }
    return package_parser("eval", __doc__, stages)


if __name__ == "__main__":
    run_stage(parser())
