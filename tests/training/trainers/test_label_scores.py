"""Test the scores of labels against values worked out by hand."""

from __future__ import annotations

import math

import torch

from training.trainers.label_scores import score_labels


def test_scores_of_two_tokens() -> None:
    """Probabilities 1/4 and 3/4: the first label is the less probable token, the second one the more probable."""
    logits = torch.tensor([[[0.0, math.log(3)], [0.0, math.log(3)]]])
    scores = score_labels(logits, torch.tensor([[0, 1]]))
    torch.testing.assert_close(scores.log_probs, torch.tensor([[math.log(1 / 4), math.log(3 / 4)]]))
    entropy = -(math.log(1 / 4) / 4 + 3 * math.log(3 / 4) / 4)
    torch.testing.assert_close(scores.entropy, torch.tensor([[entropy, entropy]]))
    assert scores.is_top1.tolist() == [[False, True]]
    assert scores.label_mask.tolist() == [[True, True]]


def test_bfloat16_logits_are_scored_in_float32() -> None:
    """In bfloat16 the log-probability of one token among 1,000 equal ones would be wrong in the third digit."""
    scores = score_labels(torch.zeros(1, 1, 1000, dtype=torch.bfloat16), torch.tensor([[7]]))
    torch.testing.assert_close(scores.log_probs, torch.tensor([[-math.log(1000)]]), rtol=1e-6, atol=0)
