"""Score labels from logits, in the form that TRL's SFTTrainer reads."""

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class LabelScores:
    """The scores of tokens with a label, each (1, labels): the keys of TRL's own output that SFTTrainer reads.

    `log_probs` are the log-probabilities of the labels, `entropy` is in nats, and `is_top1` is true where the label is
    the most probable token. `label_mask` is true for each token, because all of them have a label.
    """

    log_probs: torch.Tensor
    entropy: torch.Tensor
    is_top1: torch.Tensor
    label_mask: torch.Tensor


def score_labels(logits: torch.Tensor, labels: torch.Tensor) -> LabelScores:
    """Return the scores of `labels` (1, labels) under `logits` (1, labels, vocabulary).

    The softmax is computed in float32. Only `log_probs` has a gradient.
    """
    log_softmax = logits.log_softmax(dim=-1, dtype=torch.float32)
    with torch.no_grad():
        entropy = -(log_softmax.exp() * log_softmax).sum(dim=-1)
    return LabelScores(
        log_probs=log_softmax.gather(-1, labels[..., None])[..., 0],
        entropy=entropy,
        is_top1=log_softmax.argmax(dim=-1) == labels,
        label_mask=torch.ones_like(labels, dtype=torch.bool),
    )
