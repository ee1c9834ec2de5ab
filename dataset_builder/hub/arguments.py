"""Define the arguments of every push to the Hub."""

import argparse


def add_push_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of a push to `command`."""
    command.add_argument("--repo-id", required=True, metavar="ORG/NAME", help="repo on the Hub")
    command.add_argument("--private", action="store_true", help="create a new repo as a private one")
    command.add_argument("--tag", metavar="TAG", help="tag the pushed commit, for example v1.0.0")
    command.add_argument("--dry-run", action="store_true", help="show what the push would send, and send nothing")
