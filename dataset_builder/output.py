"""Configure what a command prints: its own lines and one progress bar, or with `--verbose` everything."""

import argparse
import logging
import os
import warnings
from importlib.metadata import PackageNotFoundError, version

# The epilog of a package's `--help`.
EXIT_CODES = """exit codes:
  0  done
  2  bad input: see the message
  3  done, but something is missing: see the output"""
PROJECT_LOGGERS = ("dataset_builder", "eval", "training", "model_cards")


def add_verbose_option(command: argparse.ArgumentParser) -> None:
    """Add `--verbose` to a command."""
    command.add_argument("--verbose", action="store_true", help="also show what the libraries print")


def add_version_option(command: argparse.ArgumentParser) -> None:
    """Add `--version` to the command of a package; the four packages have one version."""
    try:
        number = version("isca-qa")
    except PackageNotFoundError:
        number = "(not installed)"
    command.add_argument("--version", action="version", version=f"isca-qa {number}")


def configure_output(verbose: bool) -> None:
    """Set log levels, and without `verbose` silence the libraries' progress bars and warnings.

    Call it before the libraries are imported: they read these variables at import. What stays silent is information
    for developers of the libraries; errors are raised and shown in any case.
    """
    logging.basicConfig(level=logging.INFO if verbose else logging.ERROR, format="%(message)s")
    for name in PROJECT_LOGGERS:
        logging.getLogger(name).setLevel(logging.INFO)
    if verbose:
        return
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    warnings.filterwarnings("ignore", category=FutureWarning)
    warnings.filterwarnings("ignore", category=DeprecationWarning)
