"""Minimum Bayes risk (MBR) decoding: of several sampled answers, choose the one closest in meaning to all of them.

Kumar and Byrne 2004 (https://aclanthology.org/N04-1022), with samples in place of the distribution as in Eikema and
Aziz 2022 (https://aclanthology.org/2022.emnlp-main.754). The cosine with the mean of the unit embeddings ranks the
samples as the mean of their pairwise cosines does, and is cheaper.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from dataset_builder.corpus.questions import Question
from eval.generation.answers import sample_in_batches
from eval.metrics.embedding import Encoder
from eval.systems import MBRDecoding

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def mbr_in_batches(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    questions: Sequence[Question],
    decoding: MBRDecoding,
    batch_size: int | None = None,
) -> Iterator[dict[int, str]]:
    """Yield the chosen answers to `questions`, as `answer_in_batches` yields greedy ones."""
    encoder = Encoder(decoding.encoder)
    for batch in sample_in_batches(model, tokenizer, questions, decoding.sampling, batch_size):
        yield {number: mbr_choice(answers, encoder) for number, answers in batch.items()}


def mbr_choice(answers: list[str], encoder: Encoder) -> str:
    """Return the answer whose embedding is closest to the mean of all embeddings, the first one in a tie."""
    embeddings = encoder.embed(answers)
    return answers[int((embeddings @ embeddings.mean(axis=0)).argmax())]
