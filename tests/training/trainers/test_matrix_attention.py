"""Test attention by matrix products against torch's own, and where training uses it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.functional import cross_entropy
from transformers import PreTrainedTokenizerBase
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.modeling_utils import AttentionInterface

from dataset_builder.models.attention import attention_by
from dataset_builder.token_rows.collator import RowCollator, attention_mask
from tests.training.preference_trainers import preference_trainer
from tests.training.small_trainers import row_trainer, rows_by_paper, tiny_model
from training.data.tokenization import TokenizedPair
from training.trainers.matrix_attention import MATRICES, attend

# Two questions on a text of three tokens, and padding.
PARTS = torch.tensor([[0, 0, 0, 1, 1, 2, 2, 2], [0, 0, 1, 1, 2, 2, -1, -1]])


def states(dtype: torch.dtype, key_heads: int) -> list[torch.Tensor]:
    """Return queries of four heads, keys and values (rows, heads, length, width), the same each time."""
    random = torch.Generator().manual_seed(0)
    return [torch.randn(2, heads, 8, 16, generator=random).to(dtype) for heads in (4, key_heads, key_heads)]


def module(key_heads: int) -> torch.nn.Module:
    """Return what transformers' own attention reads of a layer."""
    layer = torch.nn.Module()
    layer.num_key_value_groups = 4 // key_heads  # type: ignore[assignment]
    layer.is_causal = True  # type: ignore[assignment]
    return layer


@pytest.mark.parametrize("key_heads", [1, 2, 4])
@pytest.mark.parametrize("scaling", [None, 0.5])
def test_attention_is_that_of_torch(key_heads: int, scaling: float | None) -> None:
    """Heads may share keys, a scale may be given, and queries are in float32, as after rotary positions."""
    query, key, value = states(torch.float32, key_heads)
    mask, layer = attention_mask(PARTS), module(key_heads)
    expected, _ = sdpa_attention_forward(layer, query, key, value, mask, scaling=scaling)
    found, _ = attend(layer, query, key, value.bfloat16(), mask, scaling=scaling)
    assert found.dtype == torch.bfloat16
    # bfloat16 has 8 bits.
    torch.testing.assert_close(found.float(), expected, atol=2**-6, rtol=2**-6)


def test_float32_and_no_mask_are_left_to_torch() -> None:
    """The results are the same bits."""
    layer = module(2)
    for mask, dtype in ((attention_mask(PARTS), torch.float32), (None, torch.bfloat16)):
        given = (layer, *states(dtype, 2), mask)
        assert torch.equal(attend(*given)[0], sdpa_attention_forward(*given)[0])


@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
def test_gradients_are_as_near_to_float32_as_those_of_torch(
    architecture: str, pairs: list[TokenizedPair], tokenizer: PreTrainedTokenizerBase
) -> None:
    """Of a loss under autocast, beside the same loss in float32."""
    model = tiny_model(architecture)
    rows = rows_by_paper(pairs)
    batch = RowCollator(tokenizer.pad_token_id)([rows[0], rows[1]])
    inputs = {name: batch[name] for name in ("input_ids", "position_ids")}

    def gradients(bf16: bool) -> torch.Tensor:
        model.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
            logits = model(**inputs, attention_mask=attention_mask(batch["parts"]), use_cache=False).logits
        cross_entropy(logits[:, :-1].float().flatten(0, 1), batch["labels"][:, 1:].flatten()).backward()
        return torch.cat([parameter.grad.flatten() for parameter in model.parameters()])

    exact, by_torch = gradients(bf16=False), gradients(bf16=True)
    with attention_by(MATRICES, model):
        by_matrices = gradients(bf16=True)
    assert not torch.equal(by_matrices, by_torch)
    assert (by_matrices - exact).norm() < 1.5 * (by_torch - exact).norm()


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[torch.dtype]:
    """Return the types of the values of each call by a model, as they come."""
    found: list[torch.dtype] = []

    def counting(module: Any, query: Any, key: Any, value: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        found.append(value.dtype)
        return attend(module, query, key, value, *args, **kwargs)

    monkeypatch.setitem(AttentionInterface._global_mapping, MATRICES, counting)
    return found


@pytest.mark.parametrize(("checkpointing", "times"), [(False, 1), (True, 2)])
def test_training_steps_use_it(
    checkpointing: bool,
    times: int,
    pairs: list[TokenizedPair],
    tokenizer: PreTrainedTokenizerBase,
    tmp_path: Path,
    calls: list[torch.dtype],
) -> None:
    """Two layers in two steps, and again where the backward pass repeats the layers; not the validation."""
    model = tiny_model("llama")
    settings = {"max_steps": 2, "eval_on_start": True, "gradient_checkpointing": checkpointing}
    row_trainer(model, rows_by_paper(pairs), tokenizer, tmp_path, bf16=True, **settings).train()
    assert calls == [torch.bfloat16] * 4 * times
    assert model.config._attn_implementation == "sdpa"


def test_preference_steps_and_their_reference_use_it(
    tokenizer: PreTrainedTokenizerBase, tmp_path: Path, calls: list[torch.dtype]
) -> None:
    """Two layers in each of two rows, before training and in a step of both."""
    settings = {"bf16": True, "max_steps": 1, "per_device_train_batch_size": 1, "gradient_accumulation_steps": 2}
    trainer = preference_trainer("llama", tokenizer, tmp_path, dtype=torch.float32, **settings)
    assert calls == [torch.bfloat16] * 4
    trainer.train()
    assert calls == [torch.bfloat16] * 8
    assert trainer.network.config._attn_implementation == "sdpa"
