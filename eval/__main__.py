"""Evaluate models, ask them questions, and publish the metric and the demo."""

import argparse

from dataset_builder.command import package_parser, run_stage
from eval import ask, push_metric, run
from eval.demo import push as push_demo
from eval.demo import serve as demo


def parser() -> argparse.ArgumentParser:
    """Return the command's parser."""
    stages = {"run": run, "answer": ask, "demo": demo, "push-metric": push_metric, "push-demo": push_demo}
    return package_parser("eval", __doc__, stages)


if __name__ == "__main__":
    run_stage(parser())
