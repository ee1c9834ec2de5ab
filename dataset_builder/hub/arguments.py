"""The options of every push to the Hub."""

from __future__ import annotations

import argparse


def add_push_options(command: argparse.ArgumentParser) -> None:
    """Add the options that every push to the Hub has."""
    command.add_argument("--repo-id", required=True, metavar="ORG/NAME", help="the repo on the Hub")
    command.add_argument("--private", action="store_true", help="make a new repo private")
    command.add_argument("--tag", metavar="TAG", help="name the pushed state, for example v1.0.0")
    command.add_argument("--dry-run", action="store_true", help="show what would be sent, and send nothing")
