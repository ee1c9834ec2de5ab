"""The answers of a GRPO step, by the sampler of the evaluation."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dataset_builder.corpus.questions import CorpusQuestion
from dataset_builder.prompt import INSTRUCTION, MAX_ANSWER_TOKENS, build_prompt
from eval.generation.answers import encode_prompts, sample_in_batches
from eval.run_metrics import AnswerSampling
from tests.training.small_trainers import tiny_model
from training.alignment.rollouts import STEPS, SharedAbstractRollouts

ABSTRACT = "Zebra turns off idle ways of large caches and saves 40% of their power on average."


@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
def test_answers_are_those_of_the_sampler(architecture: str, tiny_base: Path) -> None:
    """Two of each question in the order of the prompts; an answer that ended early has the token that ended it."""
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(tiny_base)
    model = tiny_model(architecture).train()
    asked = [
        CorpusQuestion(INSTRUCTION, ABSTRACT, text, "Power.", "10.1/a", 2020) for text in ("What is saved?", "How?")
    ]
    questions = {build_prompt(INSTRUCTION, ABSTRACT, question.question): question for question in asked}
    first, second = questions
    prompts = [first, first, second, second]
    trainer = SimpleNamespace(
        args=SimpleNamespace(seed=3, temperature=1.0),
        state=SimpleNamespace(global_step=5),
        accelerator=SimpleNamespace(process_index=1, num_processes=2),
        model=model,
    )
    found = SharedAbstractRollouts(questions, tokenizer)(prompts, trainer)
    assert model.training and found["logprobs"] is None
    encoded = encode_prompts(model, tokenizer, asked)
    assert found["prompt_ids"] == [encoded[0], encoded[0], encoded[1], encoded[1]]
    sampling = AnswerSampling(samples=2, temperature=1.0, seed=2 * (3 * STEPS + 5) + 1)
    model.eval()
    (batch,) = sample_in_batches(model, tokenizer, asked, sampling)
    texts = [answer.text for number in (0, 1) for answer in batch[number]]
    assert [tokenizer.decode(ids, skip_special_tokens=True).strip() for ids in found["completion_ids"]] == texts
    for ids in found["completion_ids"]:
        assert len(ids) == MAX_ANSWER_TOKENS or ids[-1] == tokenizer.eos_token_id
    # Another token ends an answer, too: one that the first answer has in its middle.
    end = found["completion_ids"][0][9]
    model.generation_config.eos_token_id = [tokenizer.eos_token_id, end]
    ended = SharedAbstractRollouts(questions, tokenizer)(prompts, trainer)["completion_ids"][0]
    assert ended == found["completion_ids"][0][: found["completion_ids"][0].index(end) + 1]
    trainer.state.global_step = 6
    assert SharedAbstractRollouts(questions, tokenizer)(prompts, trainer)["completion_ids"] != found["completion_ids"]
