"""Fixtures of the training tests: the tiny base's tokenizer, and tokenized pairs of the slice."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.corpus.build import build
from tests.small_sources import append
from tests.training.small_trainers import TokenizedPair
from training.paper_rows import tokenize_pair


@pytest.fixture(scope="session")
def tokenizer(tiny_base: Path) -> Any:
    """Return the tiny base's tokenizer, which trained on the slice."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_base)
    tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


@pytest.fixture(scope="session")
def pairs(corpus: Path, tokenizer: Any) -> list[TokenizedPair]:
    """Return pairs of the slice on four papers that have 3, 2, 1 and 3 of them."""
    from dataset_builder.corpus.load import load_corpus_split
    from dataset_builder.corpus.questions import read_questions

    questions = read_questions(load_corpus_split(str(corpus), None, "train"))
    pairs = [(question.paper_id, *tokenize_pair(question, tokenizer, 512)) for question in questions]
    papers = [list(group) for _, group in groupby(pairs, lambda pair: pair[0])]
    return [pair for paper, count in zip(papers, (3, 2, 1, 3), strict=False) for pair in paper[:count]]


@pytest.fixture
def small_corpus(sources: Path) -> Path:
    """Return a corpus of two training pairs and two for validation."""
    build(sources / "papers", sources / "qa", ["t"], ["u"], sources / "corpus", "apache-2.0")
    return sources / "corpus"


@pytest.fixture
def three_papers(sources: Path) -> Path:
    """Return a corpus of three training papers with two pairs each, and two pairs for validation."""
    for paper_id in ("10.1/second", "10.1/third"):
        paper = {"paper_id": paper_id, "title": paper_id, "year": 2020, "venue": "isca"}
        paper |= {"paper_url": f"https://doi.org/{paper_id}", "abstract": f"It says that {paper_id} has large caches."}
        append(sources / "papers/isca_2020.jsonl", paper)
        for asked in ("What is large?", "What has caches?"):
            pair = {"paper_id": paper_id, "teacher": "t", "question": asked, "answer": f"It is {paper_id}."}
            append(sources / "qa/t/isca_2020.jsonl", pair)
    build(sources / "papers", sources / "qa", ["t"], ["u"], sources / "corpus", "apache-2.0")
    return sources / "corpus"


@pytest.fixture
def adapter(tmp_path: Path, ending_base: Path, tokenizer: Any) -> Path:
    """Return the folder of a LoRA adapter of the tiny base with B matrices that are not zero."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    # Else the matrices depend on the tests that ran before.
    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_pretrained(ending_base)
    lora = LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False, task_type="CAUSAL_LM")
    model = get_peft_model(model, lora)
    model.save_pretrained(tmp_path / "adapter")
    tokenizer.save_pretrained(tmp_path / "adapter")
    return tmp_path / "adapter"
