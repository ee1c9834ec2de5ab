"""Test that greedy answers do not depend on the batch, and that samples depend only on prompt and seed."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dataset_builder.corpus.questions import CorpusQuestion, Question
from dataset_builder.errors import InputError
from dataset_builder.models.folders import find_model
from dataset_builder.models.language_model import load_model
from dataset_builder.prompt import MAX_ANSWER_TOKENS, build_prompt
from dataset_builder.token_rows.row import shared_length
from eval.generation import answers as answering
from eval.generation import shared_prefix
from eval.generation.answers import answer_alone, answer_in_batches, encode_prompts
from eval.generation.batches import group_by_paper, plan_batches
from eval.generation.generation_rules import GenerationRules, count_cut_abstracts, read_rules, rules_of_folder
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


def test_a_papers_questions_together_are_answered_as_each_alone(
    model: Any, tokenizer: Any, expected: list[Answer]
) -> None:
    """Papers of different lengths with one to three questions; most answers do not need `answer_alone`."""
    prompts = encode_prompts(model, tokenizer, QUESTIONS)
    papers = group_by_paper(QUESTIONS, prompts)
    answers = answer_papers(
        model,
        [[prompts[number] for number in paper] for paper in papers],
        GenerationRules((tokenizer.eos_token_id,)),
        MAX_ANSWER_TOKENS,
    )
    certain = {
        number: Answer(
            tokenizer.decode(answer.tokens, skip_special_tokens=True).strip(), len(answer.tokens) == MAX_ANSWER_TOKENS
        )
        for paper, paper_answers in zip(papers, answers, strict=True)
        for number, answer in zip(paper, paper_answers, strict=True)
        if answer.certain
    }
    assert len(certain) > len(QUESTIONS) / 2
    assert certain == {number: expected[number] for number in certain}
    assert len(set(certain.values())) > 1


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
    found = {}
    for batch in answering.sample_in_batches(model, chatty, QUESTIONS[:3], sampling(1, 1e-7), prompt=prompt):
        found |= batch
    assert found == {number: [by_generate[number]] for number in range(3)}


def test_answers_stop_at_the_end_of_sequence(model: Any, tokenizer: Any) -> None:
    """The fifth token of one answer becomes the end token: every answer stops where it first has this token."""
    prompts = encode_prompts(model, tokenizer, QUESTIONS)
    papers = [[prompts[number] for number in paper] for paper in group_by_paper(QUESTIONS, prompts)]
    whole = answer_papers(model, papers, GenerationRules(()), MAX_ANSWER_TOKENS)
    assert {len(answer.tokens) for paper in whole for answer in paper} == {MAX_ANSWER_TOKENS}
    end = whole[0][0].tokens[4]
    stopped = answer_papers(model, papers, GenerationRules((end,)), MAX_ANSWER_TOKENS)
    for stopped_answers, whole_answers in zip(stopped, whole, strict=True):
        for answer, uncut in zip(stopped_answers, whole_answers, strict=True):
            assert answer.tokens == (uncut.tokens[: uncut.tokens.index(end)] if end in uncut.tokens else uncut.tokens)
    assert len(stopped[0][0].tokens) <= 4


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


def test_coldest_samples_are_the_greedy_answers(model: Any, tokenizer: Any, expected: list[Answer]) -> None:
    """At a temperature near 0 only the best token is drawn."""
    found = {}
    for batch in answering.sample_in_batches(model, tokenizer, QUESTIONS, sampling(2, 1e-7)):
        found |= batch
    assert found == {number: [answer] * 2 for number, answer in enumerate(expected)}


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


def test_answer_is_certain_until_two_tokens_are_equally_good(model: Any, tokenizer: Any) -> None:
    """Some token of the answers gets a twin with the same logits: only the answers that have it are uncertain."""
    import torch

    prompts = encode_prompts(model, tokenizer, QUESTIONS)
    papers = [[prompt] for prompt in prompts]
    rules = read_rules(model.generation_config, tokenizer)
    before = [answer for (answer,) in answer_papers(model, papers, rules, MAX_ANSWER_TOKENS)]
    given = {token for answer in before for token in answer.tokens}
    shares = {token: sum(token in answer.tokens for answer in before) / len(before) for token in given}
    token = min(shares, key=lambda token: (abs(shares[token] - 0.5), token))
    used = given.union(*prompts, rules.end_tokens)
    twin = next(other for other in range(len(tokenizer)) if other not in used)
    changed = copy.deepcopy(model)
    weights = changed.get_output_embeddings().weight
    with torch.no_grad():
        weights[twin] = weights[token]
    after = [answer for (answer,) in answer_papers(changed, papers, rules, MAX_ANSWER_TOKENS)]
    assert [answer.certain for answer in after] == [answer.certain and token not in answer.tokens for answer in before]
    assert 0 < sum(answer.certain for answer in after) < sum(answer.certain for answer in before)


def test_tokens_that_fit_into_memory(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A quarter of the free memory, by the float32 keys and values of one token in all layers."""
    import psutil

    from eval.generation.batches import tokens_that_fit

    config = model.config
    heads = getattr(config, "num_key_value_heads", config.num_attention_heads)
    values = 2 * config.num_hidden_layers * heads * config.hidden_size // config.num_attention_heads
    free = SimpleNamespace(available=4 * (100 * 4 * values) + 3)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: free)
    assert tokens_that_fit(model) == 100


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
    """The memory is too small for one question, for its samples, and then for the two of the first test."""

    def full(*_: Any) -> None:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried")

    monkeypatch.setattr(answering, "answer_papers", full)
    with pytest.raises(InputError, match="the memory of cpu is too small for one question"):
        collected(model, tokenizer, QUESTIONS)
    with pytest.raises(InputError, match="is too small for 7 samples of an answer; draw fewer"):
        list(answering.sample_in_batches(model, tokenizer, QUESTIONS, sampling(7, 0.7)))
    monkeypatch.setattr(answering, "first_logits", full)
    with pytest.raises(InputError, match="is too small for two questions"):
        collected(model, tokenizer, QUESTIONS)


def test_logits_are_of_the_prompts_ends_alone(model: Any, tokenizer: Any) -> None:
    """The head reads one column for each question of a paper, and not every column of the row."""
    prompts = encode_prompts(model, tokenizer, QUESTIONS)
    papers = [[prompts[number] for number in paper] for paper in group_by_paper(QUESTIONS, prompts)]
    shapes = []
    hook = model.get_output_embeddings().register_forward_hook(lambda *passed: shapes.append(tuple(passed[2].shape)))
    answer_papers(model, papers, GenerationRules((tokenizer.eos_token_id,)), max_new_tokens=1)
    hook.remove()
    assert shapes[-1] == (5, 3, 800)


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


def test_cut_abstracts_are_counted_and_warned_of(tiny_base: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Two questions on one abstract longer than 512 positions, and one on a short abstract."""
    folder = find_model("m", str(tiny_base))
    questions = [Question("Do it", "Caches are small. " * 400, why) for why in ("Why?", "Why so?")] + QUESTIONS[:1]
    assert count_cut_abstracts(folder, questions) == 1
    assert count_cut_abstracts(folder, questions, Prompt("closed-book")) == 0
    encode_prompts(*load_model(folder), questions)
    assert "The model reads 448 tokens; the ends of 1 longer abstracts are cut off" in caplog.text


def test_prompt_that_is_too_long_is_cut_and_answered(model: Any, tokenizer: Any) -> None:
    """An abstract longer than the model's 512 positions, which each question cuts at another token."""
    questions = [Question("Do it", "Caches are small. " * 400, "Why " * number) for number in (1, 9)]
    prompts = encode_prompts(model, tokenizer, questions)
    assert max(map(len, prompts)) <= 512 - MAX_ANSWER_TOKENS
    answers = collected(model, tokenizer, questions)
    assert [answers[0], answers[1]] == [answer_alone(model, tokenizer, prompt) for prompt in prompts]


def test_question_that_is_too_long_is_refused(model: Any, tokenizer: Any) -> None:
    """The model has 512 positions; the question takes more than 512 minus the longest answer."""
    long = replace(QUESTIONS[0], question="Why " * 500)
    with pytest.raises(InputError, match=r"takes \d{4} tokens without any abstract, and the model reads 448"):
        encode_prompts(model, tokenizer, [QUESTIONS[0], long])


def test_mask_is_tried_on_the_longest_prompt_and_answer(
    model: Any, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With two different answers, although this paper has one question."""
    tried = []
    original = answering.first_logits
    monkeypatch.setattr(answering, "first_logits", lambda *given: tried.append(given[1]) or original(*given))
    questions = [replace(QUESTIONS[0], context="Caches are small. " * 40), *QUESTIONS[1:3]]
    collected(model, tokenizer, questions)
    longest = encode_prompts(model, tokenizer, questions)[0]
    ((first, second),) = tried
    assert first[: len(longest)] == second[: len(longest)] == longest
    assert len(first) == len(second) == len(longest) + MAX_ANSWER_TOKENS
    assert first != second


@pytest.mark.parametrize("beyond", [63, 30, -10])
def test_sliding_window_within_prompt_and_answer_is_followed(
    tokenizer: Any, caplog: pytest.LogCaptureFixture, beyond: int
) -> None:
    """The window ends so many tokens after the longest prompt, so a token of an answer does not see its beginning."""
    import torch
    from transformers import MistralConfig, MistralForCausalLM

    torch.manual_seed(0)
    config = MistralConfig(
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
        sliding_window=max(len(tokenizer(build_prompt(*vars(one).values()))["input_ids"]) for one in QUESTIONS)
        + beyond,
    )
    model = MistralForCausalLM(config).eval()
    for parameter in model.parameters():
        parameter.data.mul_(6 if parameter.dim() > 1 else 1)
    answers = collected(model, tokenizer, QUESTIONS)
    assert [answers[number] for number in range(len(QUESTIONS))] == alone(model, tokenizer, QUESTIONS)
    assert "cannot read several questions at once" in caplog.text


def test_layers_that_share_a_cache_answer_in_batches(tokenizer: Any, caplog: pytest.LogCaptureFixture) -> None:
    """The last two of four layers use the keys and values of the first two."""
    import torch
    from transformers import Gemma3nForCausalLM, Gemma3nTextConfig

    torch.manual_seed(0)
    config = Gemma3nTextConfig(
        vocab_size=800,
        vocab_size_per_layer_input=800,
        hidden_size=32,
        hidden_size_per_layer_input=8,
        intermediate_size=64,
        num_hidden_layers=4,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        layer_types=["sliding_attention", "full_attention"] * 2,
        num_kv_shared_layers=2,
        laurel_rank=4,
        altup_num_inputs=2,
        activation_sparsity_pattern=[0.0] * 4,
        max_position_embeddings=1024,
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=0,
    )
    model = Gemma3nForCausalLM(config).eval()
    answers = collected(model, tokenizer, QUESTIONS)
    assert [answers[number] for number in range(len(QUESTIONS))] == alone(model, tokenizer, QUESTIONS)
    assert "one at a time" not in caplog.text


def test_tokenizer_without_an_end_token_answers(model: Any, tokenizer: Any) -> None:
    """The end tokens of the model's generation_config are left; without these every answer has 64 tokens."""
    endless = copy.deepcopy(tokenizer)
    endless.eos_token = None
    answers = collected(model, endless, QUESTIONS[:3])
    assert [answers[number] for number in range(3)] == alone(model, endless, QUESTIONS[:3])


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


def test_setting_that_batches_do_not_follow_is_left_to_generate(
    model: Any, tokenizer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A ban on repeated pairs of tokens; settings for samples and neutral ones need no `generate`."""
    changed = copy.deepcopy(model)
    changed.generation_config.update(temperature=0.6, top_k=20, num_beams=1, min_length=0, no_repeat_ngram_size=2)
    answers = collected(changed, tokenizer, QUESTIONS[:3])
    assert [answers[number] for number in range(3)] == alone(changed, tokenizer, QUESTIONS[:3])
    assert "sets no_repeat_ngram_size; it answers one at a time" in caplog.text
    with pytest.raises(InputError, match="sets no_repeat_ngram_size; use greedy decoding"):
        list(answering.sample_in_batches(changed, tokenizer, QUESTIONS[:3], sampling(2, 0.7)))


def test_rules_are_read_from_the_folder(tmp_path: Path, tiny_base: Path) -> None:
    """From generation_config.json, else from config.json; the model is not loaded."""
    folder = shutil.copytree(tiny_base, tmp_path / "model")
    (folder / "generation_config.json").write_text('{"eos_token_id": [5, 3], "repetition_penalty": 1.1}')
    assert rules_of_folder(find_model("m", str(folder))) == GenerationRules((0, 3, 5), 1.1)
    (folder / "generation_config.json").unlink()
    assert rules_of_folder(find_model("m", str(folder))) == GenerationRules((0,))


def broken_folders(tiny_base: Path, folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield copies of the tiny model, each broken differently, and the expected message."""
    for name, file, content, complaint in (
        ("corrupt", "model.safetensors", b"nothing", "cannot be loaded as a causal language model"),
        ("empty", "config.json", b"{}", "cannot be loaded as a causal language model"),
        ("deeper", "config.json", b'"n_layer": 3', r"has no weights for transformer\.h\.2"),
        ("mute", "tokenizer.json", None, "has no tokenizer"),
    ):
        copy_ = shutil.copytree(tiny_base, folder / name)
        if content is None:
            (copy_ / file).unlink()
        elif name == "deeper":
            (copy_ / file).write_bytes((copy_ / file).read_bytes().replace(b'"n_layer": 2', content))
        else:
            (copy_ / file).write_bytes(content)
        yield copy_, complaint


def test_folder_that_cannot_be_loaded_is_named(tmp_path: Path, tiny_base: Path) -> None:
    """Broken weights, missing weights, an empty configuration, no tokenizer."""
    for folder, complaint in broken_folders(tiny_base, tmp_path):
        with pytest.raises(InputError, match=f"m={folder}: {complaint}"):
            load_model(find_model("m", str(folder)))


def test_adapter_without_a_tokenizer_has_its_bases(tmp_path: Path, tiny_base: Path, tokenizer: Any) -> None:
    """PEFT saves adapters without one; an adapter with broken weights is refused."""
    from peft import LoraConfig, get_peft_model

    base = load_model(find_model("base", str(tiny_base)))[0]
    base.name_or_path = str(tiny_base)
    get_peft_model(base, LoraConfig(target_modules=["c_attn"], fan_in_fan_out=True)).save_pretrained(tmp_path)
    assert not list(tmp_path.glob("tokenizer*"))
    assert load_model(find_model("m", str(tmp_path)))[1].get_vocab() == tokenizer.get_vocab()
    (tmp_path / "adapter_model.safetensors").write_bytes(b"nothing")
    with pytest.raises(InputError, match="cannot be loaded"):
        load_model(find_model("m", str(tmp_path)))


def test_shared_length_leaves_each_prompt_a_token() -> None:
    """Two tokens in common; for equal prompts and for a single prompt, all tokens but the last."""
    assert shared_length([[1, 2, 3], [1, 2, 4, 5]]) == 2
    assert shared_length([[1, 2], [1, 2, 3]]) == 1
    assert shared_length([[1, 2, 3]]) == 2
    assert shared_length([[1], [2]]) == 0


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


def test_batch_has_room_for_the_longest_part_of_each_paper() -> None:
    """Two prompts of 10 tokens, 9 of them shared, and one of 20: each row takes 19 + 2 + 2 * 64 = 149 columns."""
    prompts = [[0] * 9 + [1], [0] * 9 + [2], [0] * 20]
    assert cache_columns([prompts[:2], prompts[2:]], MAX_ANSWER_TOKENS) == 149
    assert plan_batches([[0, 1], [2]], prompts, questions=4, tokens=2 * 149 - 1) == [[[0, 1]], [[2]]]
    assert plan_batches([[0, 1], [2]], prompts, questions=4, tokens=2 * 149) == [[[0, 1], [2]]]


def test_planning_looks_at_each_paper_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five papers in one batch: five sizes are computed, not 1 + 2 + 3 + 4 + 5."""
    seen = []
    monkeypatch.setattr(shared_prefix, "shared_length", lambda prompts: seen.append(prompts) or shared_length(prompts))
    prompts = [[number, 0] for number in range(5)]
    assert len(plan_batches([[number] for number in range(5)], prompts, questions=9, tokens=10**9)) == 1
    assert len(seen) == 5


def test_settings_of_the_model_are_left_as_they_were(model: Any, tokenizer: Any) -> None:
    """Training answers with its model between two steps."""
    before = copy.deepcopy(model.config.to_dict()), model.config._attn_implementation
    collected(model, tokenizer, QUESTIONS[:4])
    assert (model.config.to_dict(), model.config._attn_implementation) == before


def test_gpu_answers_as_it_does_alone(tiny_base: Path) -> None:
    """Only on machines with a GPU, and with TEST_GPU=1."""
    import torch

    if not torch.cuda.is_available():
        pytest.skip("no GPU, or not TEST_GPU=1")
    model, tokenizer = load_model(find_model("tiny", str(tiny_base)))
    answers = collected(model, tokenizer, QUESTIONS)
    assert [answers[number] for number in range(len(QUESTIONS))] == alone(model, tokenizer, QUESTIONS)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_real_weights_answer_the_same_in_any_batch(
    packaged_models: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ask SmolLM2 four questions of the slice: one at a time, all together, and three and one; 24 tokens each."""
    from dataset_builder.corpus.load import load_corpus_split
    from dataset_builder.corpus.questions import read_questions

    monkeypatch.setattr(answering, "MAX_ANSWER_TOKENS", 24)
    model, tokenizer = load_model(find_model("m", str(packaged_models / "smollm2")))
    questions = read_questions(load_corpus_split(str(corpus), "plain", "test"))[:4]
    expected = alone(model, tokenizer, questions)
    for batch_size in (None, 3):
        answers = collected(model, tokenizer, questions, batch_size)
        assert [answers[number] for number in range(len(questions))] == expected
