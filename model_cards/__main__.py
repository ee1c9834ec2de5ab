"""Write the cards of trained models, and publish the models on the Hub."""

import argparse

from dataset_builder.command import package_parser, run_stage
from model_cards import publish, render
from model_cards.release import command as release


def parser() -> argparse.ArgumentParser:
    """Return the command's parser."""
    return package_parser("model_cards", __doc__, {"render": render, "publish": publish, "release": release})


if __name__ == "__main__":
    run_stage(parser())
