"""Models of random weights that train in a second: a GPT-2, an adapter on it and an encoder."""

from __future__ import annotations

import json
from pathlib import Path


def write_tiny_gpt2(folder: Path, corpus: Path, positions: int = 512) -> Path:
    """Write a GPT-2 to `folder` as an ordinary model folder, and return the folder.

    Its tokenizer is trained on the abstracts of `corpus`.
    """
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    papers = [json.loads(line) for path in sorted(corpus.glob("papers/*.jsonl")) for line in path.open()]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=800,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([paper["abstract"] for paper in papers], trainer)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<|endoftext|>", eos_token="<|endoftext|>", unk_token="<|endoftext|>"
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=800, n_positions=positions, n_embd=32, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0
    )
    GPT2LMHeadModel(config).save_pretrained(folder)
    return folder


def write_tiny_adapter(folder: Path, base: Path, seed: int) -> Path:
    """Write a LoRA adapter of `base`, which changes its answers, to `folder`, and return the folder."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(seed)
    config = LoraConfig(r=2, task_type="CAUSAL_LM", fan_in_fan_out=True, init_lora_weights=False)
    get_peft_model(AutoModelForCausalLM.from_pretrained(base), config).save_pretrained(folder)
    return folder


def write_tiny_encoder(folder: Path, corpus: Path, positions: int = 256) -> Path:
    """Write a BERT to `folder` as an ordinary model folder, and return the folder.

    Its tokenizer is trained on the abstracts of `corpus`.
    """
    import torch
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    papers = [json.loads(line) for path in sorted(corpus.glob("papers/*.jsonl")) for line in path.open()]
    tokenizer = BertWordPieceTokenizer()
    tokenizer.train_from_iterator([paper["abstract"] for paper in papers], vocab_size=800, show_progress=False)
    BertTokenizerFast(tokenizer_object=tokenizer._tokenizer).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        max_position_embeddings=positions,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    return folder
