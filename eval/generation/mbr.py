"""Minimum Bayes risk: of several sampled answers the one that is nearest in meaning to all of them.

Kumar and Byrne 2004 (https://aclanthology.org/N04-1022), with samples for the distribution as in Eikema and Aziz 2022
(https://aclanthology.org/2022.emnlp-main.754), and the mean of the unit embeddings for the mean over all pairs: the
cosine with it orders the samples as the mean of their cosines with one another does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from eval.generation.answers import sample_in_batches
from eval.generation.shared_prefix import Sampling
from eval.metrics.embedding import Encoder
from eval.models import EncoderFolder

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True)
class Consensus:
    """Which samples are drawn, and the encoder that says which of them is nearest to all."""

    sampling: Sampling
    encoder: EncoderFolder

    def as_dict(self) -> dict[str, Any]:
        """Return what scores.json says of it."""
        return {**asdict(self.sampling), "encoder_sha256": self.encoder.fingerprint}


def mbr_in_batches(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    rows: list[dict[str, Any]],
    consensus: Consensus,
    batch_size: int | None = None,
) -> Iterator[dict[int, str]]:
    """Yield the chosen answers to `rows`, as `answer_in_batches` yields greedy ones."""
    encoder = Encoder(consensus.encoder)
    for batch in sample_in_batches(model, tokenizer, rows, consensus.sampling, batch_size):
        yield {number: mbr_choice(answers, encoder) for number, answers in batch.items()}


def mbr_choice(answers: list[str], encoder: Encoder) -> str:
    """Return the answer whose embedding is nearest to the mean of all, the first of several."""
    embeddings = encoder.embed(answers)
    return answers[int((embeddings @ embeddings.mean(axis=0)).argmax())]
