"""Find a trained verifier, a folder or a Hub id, and load it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dataset_builder.errors import InputError
from dataset_builder.models.folders import ModelFolder, find_model
from dataset_builder.verification.report import VERIFIER_FILE, VerifierReport, read_verifier_report

if TYPE_CHECKING:
    from dataset_builder.verification.verifier import Verifier


@dataclass(frozen=True)
class VerifierFolder:
    """The folder of a verifier, and its report."""

    folder: ModelFolder
    report: VerifierReport

    def load(self) -> "Verifier":
        """Return the verifier; raises `InputError` for a model that cannot be loaded."""
        from transformers import AutoModelForTokenClassification

        from dataset_builder.models.language_model import load_pretrained
        from dataset_builder.verification.reader import AnswerReader
        from dataset_builder.verification.verifier import Verifier

        model, tokenizer = load_pretrained(self.folder, AutoModelForTokenClassification, "verifier")
        return Verifier(model, AnswerReader(tokenizer, self.report.max_tokens, self.report.sentences))


def find_verifier(option: str, given: str) -> VerifierFolder:
    """Return the verifier in a folder or on the Hub; raises `InputError`, which names `option`, for anything else."""
    folder = find_model(option, given)
    if not (folder.path / VERIFIER_FILE).is_file():
        remedy = "train one: python -m training.verifier --config training/recipes/minilm-verifier.yaml"
        raise InputError(f"{option} {given}: is not a verifier (it has no {VERIFIER_FILE}); {remedy}")
    return VerifierFolder(folder, read_verifier_report(folder.path))
