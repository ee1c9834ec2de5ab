"""Check by a verifier whether abstracts support the answers of pairs: the options of the stages, and the check."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

from dataset_builder.command import number_between
from dataset_builder.errors import InputError
from dataset_builder.verification.load import VerifierFolder, find_verifier

NOT_SUPPORTED = "the verifier finds the answer not supported by the abstract"


@dataclass(frozen=True)
class SupportCheck:
    """A verifier, and the lowest support (0 to 1) that a pair needs to pass."""

    verifier: VerifierFolder
    threshold: float

    def supports(self, items: Sequence[tuple[str, str, str]]) -> list[float]:
        """Return the support of each (abstract, question, answer); the verifier is loaded for this call."""
        from dataset_builder.hardware import use_all_threads

        use_all_threads()
        return self.verifier.load().score_all(items) if items else []


def add_verifier_arguments(command: argparse.ArgumentParser, use: str) -> None:
    """Add the arguments of the check; `use` says in `--help` what the stage does with the verifier."""
    command.add_argument("--verifier", metavar="DIR", help=f"folder or Hub id of a verifier, {use}; default: none")
    command.add_argument(
        "--verifier-threshold",
        type=number_between(0, 1),
        metavar="X",
        help="lowest support (0 to 1) of a supported answer; default: the threshold in verifier.json",
    )


def find_support_check(arguments: argparse.Namespace) -> SupportCheck | None:
    """Return the check of the command line, None without `--verifier`; raises `InputError` for wrong arguments."""
    threshold: float | None = arguments.verifier_threshold
    if arguments.verifier is None:
        if threshold is not None:
            raise InputError(f"--verifier-threshold {threshold}: has no use without --verifier; leave it out")
        return None
    verifier = find_verifier("--verifier", arguments.verifier)
    return SupportCheck(verifier, verifier.report.threshold if threshold is None else threshold)
