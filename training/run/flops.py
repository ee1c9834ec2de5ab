"""Count the floating point operations of training, and look up how many the hardware can do."""

from __future__ import annotations

import os
from typing import Any


def flops_per_token(model: Any) -> float:
    """Return the floating point operations that a training step does for each token.

    Each weight of a matrix costs two in the forward pass, two for the gradient of the activations, and two more if it
    is trained (Kaplan et al. 2020, section 2.1). The count leaves out the embeddings, the attention scores, and the
    head, which computes the answers only. So the use of the hardware is rather underestimated.
    """
    import torch

    tables = [module for module in model.modules() if isinstance(module, torch.nn.Embedding)]
    left_out = {id(p) for module in (*tables, model.get_output_embeddings()) for p in module.parameters()}
    matrices = [p for p in model.parameters() if p.dim() == 2 and id(p) not in left_out]
    return float(sum((6 if p.requires_grad else 4) * p.numel() for p in matrices))


def peak_flops(bf16: bool | None) -> float | None:
    """Return the matrix operations that the GPUs of this run can do in a second; None on a CPU or an unknown GPU.

    Autocast to bfloat16 is compared with the bfloat16 peak. For other precisions no peak is known.
    """
    import torch
    from trl.trainer.utils import get_peak_flops

    if not torch.cuda.is_available() or not bf16:
        return None
    one_gpu: float | None = get_peak_flops(torch.cuda.get_device_name(), "bfloat16")
    return one_gpu and one_gpu * int(os.environ.get("WORLD_SIZE", "1"))
