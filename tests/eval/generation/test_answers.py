"""Test that greedy answers do not depend on the batch, and that samples depend only on prompt and seed."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.corpus.questions import CorpusQuestion, Question
from dataset_builder.errors import InputError
from dataset_builder.models.folders import find_model
from dataset_builder.models.language_model import load_model
from dataset_builder.prompt import MAX_ANSWER_TOKENS, build_prompt, shared_length
from eval.generation import answers as answering
from eval.generation.answers import answer_alone, answer_in_batches, encode_prompts
from eval.generation.batches import plan_batches
from eval.generation.generation_rules import read_rules
from eval.generation.shared_prefix import _draw, answer_papers, cache_columns
from eval.prompting import FORMS, Answer, Prompt, PromptForm
from eval.run_metrics import AnswerSampling

QUESTIONS = [
    Question("Do it", f"{paper} caches are small. " * (1 + 3 * paper), f"Why {'so ' * number}{paper}?")
    for paper in range(5)
    for number in range(1 + paper % 3)
]


@pytest.fixture(scope="module")
def tokenizer(tiny_base: Path) -> Any:
    """Return the tiny model's tokenizer."""
    return load_model(find_model("tiny", str(tiny_base)))[1]


@pytest.fixture(scope="module", params=["gpt2", "llama"])
def model(request: pytest.FixtureRequest, tiny_base: Path) -> Any:
    """Return a GPT-2 and a Llama with fewer heads for keys than for queries, whose best tokens are well ahead."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    if request.param == "gpt2":
        model = load_model(find_model("tiny", str(tiny_base)))[0]
    else:
        torch.manual_seed(0)
        config = LlamaConfig(
            vocab_size=800,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=512,
            bos_token_id=0,
            eos_token_id=0,
            pad_token_id=0,
        )
        model = LlamaForCausalLM(config).eval()
    for parameter in model.parameters():
        parameter.data.mul_(6 if parameter.dim() > 1 else 1)
    return model


@pytest.fixture(scope="module")
def expected(model: Any, tokenizer: Any) -> list[Answer]:
    """Return the model's answer to each question by itself."""
    return alone(model, tokenizer, QUESTIONS)


def collected(*arguments: Any, **more: Any) -> dict[int, Answer]:
    """Return the answers of all batches."""
    answers: dict[int, Answer] = {}
    for batch in answer_in_batches(*arguments, **more):
        answers.update(batch)
    return answers


def sampling(samples: int, temperature: float, seed: int = 0) -> AnswerSampling:
    """Return settings to sample answers."""
    return AnswerSampling(samples=samples, temperature=temperature, seed=seed)


def alone(model: Any, tokenizer: Any, questions: Sequence[Question]) -> list[Answer]:
    """Return transformers' own greedy generation for each prompt by itself."""
    prompts = [tokenizer(build_prompt(one.instruction, one.context, one.question)) for one in questions]
    return [answer_alone(model, tokenizer, prompt["input_ids"]) for prompt in prompts]


@pytest.mark.parametrize("batch_size", [1, 2, 4, None])
def test_answers_do_not_depend_on_batch_or_order(
    model: Any, tokenizer: Any, expected: list[Answer], batch_size: int | None
) -> None:
    """For every batch size, and with the questions in reverse order."""
    answers = collected(model, tokenizer, QUESTIONS, batch_size)
    assert [answers[number] for number in range(len(QUESTIONS))] == expected
    turned = collected(model, tokenizer, QUESTIONS[::-1], batch_size)
    assert [turned[number] for number in range(len(QUESTIONS))] == expected[::-1]


@pytest.mark.parametrize("form", FORMS)
def test_every_prompt_is_answered_in_batches_as_by_generate(
    model: Any, tokenizer: Any, monkeypatch: pytest.MonkeyPatch, form: PromptForm
) -> None:
    """The questions on a paper share all tokens up to the question, for a closed-book prompt only the instruction."""
    chatty = copy.deepcopy(tokenizer)
    chatty.chat_template = "User: {{ messages[0].content }} Model:"
    example = CorpusQuestion("Do it", "Buses are slow.", "Why slow?", "They are.", "10.1/a", 2020)
    prompt = Prompt(form, (example,) if form == "few-shot" else ())
    papers = []
    original = answering.answer_papers
    monkeypatch.setattr(answering, "answer_papers", lambda *given: papers.extend(given[1]) or original(*given))
    prompts = encode_prompts(model, chatty, QUESTIONS, prompt)
    by_generate = [answer_alone(model, chatty, ids, prompt) for ids in prompts]
    answers = collected(model, chatty, QUESTIONS, prompt=prompt)
    assert [answers[number] for number in range(len(QUESTIONS))] == by_generate
    assert len(set(by_generate)) > 1
    longest = max(papers, key=lambda ids: len(ids) * len(ids[0]))
    shared = chatty.decode(longest[0][: shared_length(longest)])
    assert shared.endswith("Do it.\n\nQuestion: Why" if form == "closed-book" else "small. \n\nQuestion: Why")


def test_samples_depend_on_prompt_and_seed_alone(model: Any, tokenizer: Any) -> None:
    """Batch, order and number of samples change nothing; another seed and another sample give another answer."""

    def sampled(
        questions: Sequence[Question], settings: AnswerSampling, batch_size: int | None = None
    ) -> list[list[Answer]]:
        answers: dict[int, list[Answer]] = {}
        for batch in answering.sample_in_batches(model, tokenizer, questions, settings, batch_size):
            answers.update(batch)
        return [answers[number] for number in range(len(questions))]

    three = sampled(QUESTIONS, sampling(3, 0.7))
    assert {len(samples) for samples in three} == {3}
    assert sampled(QUESTIONS[::-1], sampling(3, 0.7), batch_size=2) == three[::-1]
    assert [samples[:2] for samples in three] == sampled(QUESTIONS, sampling(2, 0.7))
    assert len({answer.text for samples in three for answer in samples}) > len(QUESTIONS)
    assert sampled(QUESTIONS[:2], sampling(3, 0.7, seed=1)) != three[:2]


def test_drawn_tokens_by_hand() -> None:
    """Cumulate the probabilities 0.5, 0.3, 0.2; at temperature 0.5 they are 0.25, 0.09, 0.04 of 0.38."""
    import torch

    logits = torch.tensor([0.5, 0.3, 0.2]).log().expand(1, 5, 3)
    numbers = torch.tensor([[0.0, 0.49, 0.51, 0.79, 0.81]])
    assert _draw(logits, 1.0, numbers).tolist() == [[0, 0, 1, 1, 2]]
    assert _draw(logits, 0.5, torch.tensor([[0.64, 0.67, 0.88, 0.9, 0.999999]])).tolist() == [[0, 1, 1, 2, 2]]
    masked = torch.tensor([[[-torch.inf, 0.0, 0.0, -torch.inf]]])
    assert _draw(masked.expand(1, 2, 4), 1.0, torch.tensor([[0.0, 1.0]])).tolist() == [[1, 2]]


def test_near_tie_is_decided_alone(model: Any, tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With two equal best tokens at every step no answer of a batch is certain; each is generated again alone."""
    monkeypatch.setattr("eval.generation.shared_prefix.NEAR_TIE", float("inf"))
    asked = []
    monkeypatch.setattr(answering, "answer_alone", lambda *given: asked.append(given[2]) or "alone")
    answers = collected(model, tokenizer, QUESTIONS)
    assert answers == dict.fromkeys(range(len(QUESTIONS)), "alone")
    assert sorted(asked) == sorted(encode_prompts(model, tokenizer, QUESTIONS))


def test_batch_too_large_for_memory_is_halved(
    model: Any, tokenizer: Any, expected: list[Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory for four questions: the same answers, and no later batch is larger; other errors are raised."""
    original = answering.answer_papers
    sizes = []

    def limited(model: Any, papers: list, *rest: Any) -> Any:
        sizes.append(sum(map(len, papers)))
        if sizes[-1] > 4:
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried")
        return original(model, papers, *rest)

    monkeypatch.setattr(answering, "answer_papers", limited)
    answers = collected(model, tokenizer, QUESTIONS)
    assert [answers[number] for number in range(len(QUESTIONS))] == expected
    # Nine questions, then half of them at most: the papers with the longest abstracts have 2, 1, 3, 2 and 1.
    assert sizes == [9, 3, 3, 3]

    def broken(*_: Any) -> None:
        raise RuntimeError("something else")

    monkeypatch.setattr(answering, "answer_papers", broken)
    with pytest.raises(RuntimeError, match="something else"):
        collected(model, tokenizer, QUESTIONS)


def test_memory_that_takes_no_question_is_said(model: Any, tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory is too small for one question, and then for the two of the first test."""

    def full(*_: Any) -> None:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried")

    monkeypatch.setattr(answering, "answer_papers", full)
    with pytest.raises(InputError, match="the memory of cpu is too small for one question"):
        collected(model, tokenizer, QUESTIONS)
    monkeypatch.setattr(answering, "first_logits", full)
    with pytest.raises(InputError, match="is too small for two questions"):
        collected(model, tokenizer, QUESTIONS)


def test_model_that_follows_no_mask_answers_one_at_a_time(tokenizer: Any, caplog: pytest.LogCaptureFixture) -> None:
    """BLOOM computes positions from its own mask: this is detected and logged, and the answers are correct."""
    import torch
    from transformers import BloomConfig, BloomForCausalLM

    torch.manual_seed(0)
    config = BloomConfig(vocab_size=800, hidden_size=32, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0)
    model = BloomForCausalLM(config).eval()
    answers = collected(model, tokenizer, QUESTIONS[:3])
    assert [answers[number] for number in range(3)] == alone(model, tokenizer, QUESTIONS[:3])
    assert "one at a time" in caplog.text


def test_abstracts_that_are_too_long_are_cut_and_answered(
    model: Any, tokenizer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Two questions on one abstract longer than 512 positions, and one on a short abstract; each is warned of."""
    questions = [Question("Do it", "Caches are small. " * 400, "Why " * n) for n in (1, 9)] + QUESTIONS[:1]
    prompts = encode_prompts(model, tokenizer, questions)
    assert max(map(len, prompts)) <= 512 - MAX_ANSWER_TOKENS
    answers = collected(model, tokenizer, questions)
    expected = [answer_alone(model, tokenizer, prompt) for prompt in prompts]
    assert [answers[number] for number in range(3)] == expected
    assert "The model reads 448 tokens; the ends of 1 longer abstracts are cut off" in caplog.text


def test_question_that_is_too_long_is_refused(model: Any, tokenizer: Any) -> None:
    """The model has 512 positions; the question takes more than 512 minus the longest answer."""
    long = replace(QUESTIONS[0], question="Why " * 500)
    with pytest.raises(InputError, match=r"takes \d{4} tokens without any abstract, and the model reads 448"):
        encode_prompts(model, tokenizer, [QUESTIONS[0], long])


def test_generation_config_is_followed_in_batches(model: Any, tokenizer: Any, expected: list[Answer]) -> None:
    """A repetition penalty and a second end token change the answers in the same way as in `generate`."""
    import torch

    changed = copy.deepcopy(model)
    settings = changed.generation_config
    settings.repetition_penalty = 1.3

    def generate(question: Question) -> list[int]:
        text = build_prompt(question.instruction, question.context, question.question)
        inputs = tokenizer(text, return_tensors="pt")
        with torch.inference_mode():
            tokens = changed.generate(**inputs, max_new_tokens=MAX_ANSWER_TOKENS, do_sample=False, pad_token_id=0)
        answer: list[int] = tokens[0, inputs["input_ids"].shape[1] :].tolist()
        return answer

    # The second end token is an ordinary word, which decoding does not skip.
    settings.eos_token_id = [0, generate(QUESTIONS[0])[4]]
    generated = []
    for question in QUESTIONS:
        answer = generate(question)
        answer = answer[:-1] if answer[-1] in settings.eos_token_id else answer
        text = tokenizer.decode(answer, skip_special_tokens=True).strip()
        generated.append(Answer(text, is_cut=len(answer) == MAX_ANSWER_TOKENS))
    assert generated != expected
    assert expected[0].is_cut and not all(answer.is_cut for answer in generated)
    answers = collected(changed, tokenizer, QUESTIONS)
    assert [answers[number] for number in range(len(QUESTIONS))] == generated
    found = {}
    for batch in answering.sample_in_batches(changed, tokenizer, QUESTIONS, sampling(2, 1e-7)):
        found |= batch
    assert found == {number: [answer] * 2 for number, answer in enumerate(generated)}
    papers = [encode_prompts(changed, tokenizer, QUESTIONS[7:9])]
    rules = read_rules(changed.generation_config, tokenizer)
    assert all(answer.certain for answer in answer_papers(changed, papers, rules, MAX_ANSWER_TOKENS)[0])


@pytest.mark.parametrize(
    ("file", "content", "complaint"),
    [
        ("model.safetensors", b"nothing", "cannot be loaded as a causal language model"),
        ("config.json", b"{}", "cannot be loaded as a causal language model"),
        ("tokenizer.json", None, "has no tokenizer"),
    ],
)
def test_folder_that_cannot_be_loaded_is_named(
    tmp_path: Path, tiny_base: Path, file: str, content: bytes | None, complaint: str
) -> None:
    """Broken weights, an empty configuration, no tokenizer."""
    folder = Path(shutil.copytree(tiny_base, tmp_path / "model"))
    (folder / file).unlink() if content is None else (folder / file).write_bytes(content)
    with pytest.raises(InputError, match=f"m={folder}: {complaint}"):
        load_model(find_model("m", str(folder)))


def test_batches_by_hand() -> None:
    """Papers of 2, 2, 1 and 5 questions in batches of 4; then with room for the tokens of one paper only.

    Prompts of 10 tokens with 9 in common: a paper of 2 takes 9 + 2 * (1 + 64) = 139 columns in the cache.
    """
    prompts = [[0] * 9 + [number] for number in range(10)]
    papers = [[0, 1], [2, 3], [4], [5, 6, 7, 8, 9]]
    assert plan_batches(papers, prompts, questions=4, tokens=10**9) == [[[0, 1], [2, 3]], [[4]], [[5, 6, 7, 8]], [[9]]]
    assert cache_columns([[prompts[0], prompts[1]]], MAX_ANSWER_TOKENS) == 139
    assert plan_batches(papers[:2], prompts, questions=4, tokens=2 * 139 - 1) == [[[0, 1]], [[2, 3]]]
    assert plan_batches(papers[:2], prompts, questions=4, tokens=2 * 139) == [[[0, 1], [2, 3]]]


def test_settings_of_the_model_are_left_as_they_were(model: Any, tokenizer: Any) -> None:
    """Training answers with its model between two steps."""
    before = copy.deepcopy(model.config.to_dict()), model.config._attn_implementation
    collected(model, tokenizer, QUESTIONS[:4])
    assert (model.config.to_dict(), model.config._attn_implementation) == before
