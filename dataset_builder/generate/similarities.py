"""Keep the similarities of answers to their abstracts on disk, so that a run that continues encodes no text again."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.files import sha256_of_text
from dataset_builder.grounding.check import nearest_sentence_similarities
from dataset_builder.journal import Journal
from dataset_builder.models.encoders import Embed, load_embed
from dataset_builder.models.folders import EncoderFolder
from dataset_builder.text import sentences

# So many answers are encoded and then kept together: a kill loses no more of them.
ANSWERS_AT_ONCE = 10_000


@dataclass(frozen=True)
class KeptSimilarity:
    """A similarity, with the SHA-256 of all that it was computed from: encoder, answer and sentences."""

    sha256: str
    similarity: float


class Similarities:
    """The similarities of answers to their abstracts by one encoder: those that are kept in `folder`, and new ones."""

    def __init__(self, folder: Path, encoder: EncoderFolder) -> None:
        self._folder = encoder
        self._embed: Embed | None = None
        self._journal = Journal(folder, "similarities", KeptSimilarity)
        self._kept = {kept.sha256: kept.similarity for kept in self._journal.read_new()}

    def load(self) -> Embed:
        """Return a function that embeds texts with the encoder, which is loaded once.

        Raises `InputError` if it cannot be loaded.
        """
        if self._embed is None:
            self._embed = load_embed(self._folder)
        return self._embed

    def measure(self, answers: Sequence[str], abstracts: Sequence[str]) -> list[float]:
        """Return the similarity (-1 to 1) of each answer to the nearest sentence of its abstract.

        `answers` and `abstracts` have the same length. Only pairs without a kept similarity are encoded.
        """
        parts = {abstract: sentences(abstract) for abstract in dict.fromkeys(abstracts)}
        keys = [
            sha256_of_text(json.dumps([self._folder.fingerprint, answer, *parts[abstract]]))
            for answer, abstract in zip(answers, abstracts, strict=True)
        ]
        new = [number for number, key in enumerate(keys) if key not in self._kept]
        for start in range(0, len(new), ANSWERS_AT_ONCE):
            part = new[start : start + ANSWERS_AT_ONCE]
            measured = nearest_sentence_similarities(
                self.load(), [answers[number] for number in part], [abstracts[number] for number in part]
            )
            kept = [KeptSimilarity(keys[number], value) for number, value in zip(part, measured, strict=True)]
            self._journal.append(kept)
            self._kept |= {similarity.sha256: similarity.similarity for similarity in kept}
        return [self._kept[key] for key in keys]
