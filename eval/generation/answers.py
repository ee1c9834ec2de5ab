"""Generate answers to questions on abstracts in batches of papers: greedy answers, or samples."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from accelerate.utils.memory import should_reduce_batch_size
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from dataset_builder.corpus.questions import Question
from dataset_builder.errors import InputError
from dataset_builder.prompt import MAX_ANSWER_TOKENS
from eval.generation.batches import group_by_paper, plan_batches, tokens_that_fit
from eval.generation.generation_rules import prompt_room, read_rules
from eval.generation.number_guard import NumberGuard, NumberGuardProcessor
from eval.generation.number_tokens import decode_tokens, find_number_tokens
from eval.generation.shared_prefix import NEAR_TIE, TokenAnswer, answer_papers, first_logits
from eval.prompting import PLAIN, Answer, Prompt, PromptEncoder
from eval.run_metrics import AnswerSampling

logger = logging.getLogger(__name__)

# Questions in a batch. On a CPU larger batches gain little (RESULTS.md: 45 gain nothing over 16), and a kill loses a
# batch. On a GPU a step takes as long for a thousand questions as for one, until memory or arithmetic is full.
ON_CPU, ON_GPU = 48, 1024
# If the logits of a prompt in `answer_papers` differ by more than this from the logits of the prompt by itself, the
# model ignores the mask, or is too inexact for `NEAR_TIE` to detect a tie. SmolLM2's logits differ by 0.00004.
SAME_LOGITS = NEAR_TIE / 2


def answer_in_batches(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    questions: Sequence[Question],
    batch_size: int | None = None,
    prompt: Prompt = PLAIN,
    is_guarded: bool = False,
) -> Iterator[dict[int, Answer]]:
    """Yield the greedy answers to the questions in the form of `prompt`, a batch at a time, by question number.

    If `is_guarded`, answers have no number in digits that the abstract and the question lack (`number_guard.py`).
    `batch_size` is the largest number of questions in a batch; None means as many as the device can hold. A batch
    that does not fit into memory is halved, and later batches are not larger. Each answer equals that of
    `answer_alone`: if rounding could decide between two tokens, the question is answered again by itself.

    Raises `InputError` for a question that is too long, and if the memory is too small for one question.
    """
    asked = _AskedQuestions(model, tokenizer, questions, prompt, is_guarded)
    if len(questions) == 1:
        yield {0: asked.answer_alone(0)}
        return
    if questions and (reason := asked.reason_against_batches()):
        logger.warning("%s; it answers one at a time, which is slower", reason)
        for number in asked.numbers():
            yield {number: asked.answer_alone(number)}
        return
    for batch in asked.generate(batch_size, None):
        yield {
            number: asked.read_answer(answer, batch.guards.get(number))
            if answer.certain
            else asked.answer_alone(number)
            for number, (answer,) in batch.answers.items()
        }


def sample_in_batches(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    questions: Sequence[Question],
    sampling: AnswerSampling,
    batch_size: int | None = None,
) -> Iterator[dict[int, list[Answer]]]:
    """Yield `sampling.samples` answers to each question in the plain prompt, in batches as `answer_in_batches` does.

    Raises `InputError` as `answer_in_batches` does, and for a model that cannot read several questions at once.
    """
    asked = _AskedQuestions(model, tokenizer, questions, PLAIN, is_guarded=False)
    if questions and (reason := asked.reason_against_batches()):
        raise InputError(f"{model.config.model_type}: cannot sample answers. {reason}; train another model")
    for batch in asked.generate(batch_size, sampling):
        yield {number: [asked.read_answer(one, None) for one in given] for number, given in batch.answers.items()}


@dataclass(frozen=True)
class _Batch:
    """The answers to each question of a batch, by question number, and with a number guard that of each question."""

    answers: dict[int, list[TokenAnswer]]
    guards: dict[int, NumberGuard]


class _AskedQuestions:
    """Questions for one model, in the form of one prompt; each has a number."""

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        questions: Sequence[Question],
        prompt: Prompt,
        is_guarded: bool,
    ) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._questions = questions
        self._prompt = prompt
        self._rules = read_rules(model.generation_config, tokenizer)
        self.token_ids = encode_prompts(model, tokenizer, questions, prompt)
        self._papers = group_by_paper(questions, self.token_ids)
        self._number_tokens = find_number_tokens(tokenizer, self._rules.end_tokens) if is_guarded else None

    def numbers(self) -> list[int]:
        """Return the numbers of the questions, those of a paper together."""
        return [number for paper in self._papers for number in paper]

    def answer_alone(self, number: int) -> Answer:
        """Return the greedy answer to one question."""
        guard = self._guards([number]).get(number)
        return answer_alone(self._model, self._tokenizer, self.token_ids[number], self._prompt, guard)

    def read_answer(self, answer: TokenAnswer, guard: NumberGuard | None) -> Answer:
        """Return the text of a generated answer."""
        return _read_answer(self._tokenizer, answer.tokens, self._prompt, guard)

    def reason_against_batches(self) -> str | None:
        """Return why the model must answer its questions one at a time; None if it can read several at once."""
        if self._rules.other:
            return f"The generation_config of this model sets {', '.join(self._rules.other)}"
        if not _follows_masks(self._model, self.token_ids):
            return "This model cannot read several questions at once"
        return None

    def generate(self, batch_size: int | None, sampling: AnswerSampling | None) -> Iterator[_Batch]:
        """Yield the greedy answer or the samples of each question, in batches that fit into memory."""
        samples = sampling.samples if sampling else 1
        device = self._model.device
        limit = batch_size or max(1, (ON_GPU if device.type == "cuda" else ON_CPU) // samples)
        tokens = tokens_that_fit(self._model)
        waiting = plan_batches(self._papers, self.token_ids, limit, tokens, samples)
        while waiting:
            papers = waiting[0]
            batch = None
            try:
                batch = self._generate_batch(papers, sampling)
            except RuntimeError as error:
                if not should_reduce_batch_size(error):
                    raise
            if batch is None:
                # Outside the except block: the error object keeps the memory of the failed batch alive.
                torch.cuda.empty_cache()
                count = sum(map(len, papers))
                if count == 1:
                    needed = f"{samples} samples of an answer; draw fewer" if sampling else "one question; free some"
                    raise InputError(f"the memory of {device} is too small for {needed}, or use another device")
                logger.warning("Out of memory with %d questions at a time; continuing with half as many", count)
                limit = count // 2
                left = [paper for waiting_batch in waiting for paper in waiting_batch]
                waiting = plan_batches(left, self.token_ids, limit, tokens, samples)
                continue
            waiting.pop(0)
            yield batch

    def _generate_batch(self, papers: list[list[int]], sampling: AnswerSampling | None) -> _Batch:
        samples = sampling.samples if sampling else 1
        guards = self._guards([number for paper in papers for number in paper])
        token_ids = [[self.token_ids[number] for number in paper] for paper in papers]
        guards_of_papers = [[guards[number] for number in paper] for paper in papers] if guards else None
        answers = answer_papers(self._model, token_ids, self._rules, MAX_ANSWER_TOKENS, sampling, guards_of_papers)
        by_number = {
            number: paper_answers[index * samples : (index + 1) * samples]
            for paper, paper_answers in zip(papers, answers, strict=True)
            for index, number in enumerate(paper)
        }
        return _Batch(by_number, guards)

    def _guards(self, numbers: Sequence[int]) -> dict[int, NumberGuard]:
        """Return a number guard for each of these questions, which knows what the prompt shows; none if unguarded."""
        if self._number_tokens is None:
            return {}
        # The masks of a batch go with it, so the memory does not grow with the questions.
        tokens = self._number_tokens.with_new_masks()
        return {number: NumberGuard(self._prompt.source(self._questions[number]), tokens) for number in numbers}


def _read_answer(
    tokenizer: PreTrainedTokenizerBase, tokens: list[int], prompt: Prompt, guard: NumberGuard | None
) -> Answer:
    """Return the answer in `tokens`, which do not have the token that ended it."""
    if guard:
        text = guard.cut_at_foreign_number(decode_tokens(tokenizer, tokens))
    else:
        text = cast(str, tokenizer.decode(tokens, skip_special_tokens=True))
    return prompt.read_answer(text, at_limit=len(tokens) == MAX_ANSWER_TOKENS)


def answer_alone(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    token_ids: list[int],
    prompt: Prompt = PLAIN,
    guard: NumberGuard | None = None,
) -> Answer:
    """Return the greedy answer to one prompt, given as token ids, by transformers' own generation.

    It follows the model's generation_config, as the code on a model card does. A `guard` masks invented numbers.
    """
    inputs = torch.tensor([token_ids], device=model.device)
    ends = list(read_rules(model.generation_config, tokenizer).end_tokens)
    with torch.inference_mode():
        tokens = cast(Any, model).generate(
            inputs,
            attention_mask=torch.ones_like(inputs),
            max_new_tokens=MAX_ANSWER_TOKENS,
            do_sample=False,
            eos_token_id=ends or None,
            pad_token_id=tokenizer.pad_token_id,
            logits_processor=[NumberGuardProcessor(guard, len(token_ids))] if guard else None,
        )
    # An end token can be an ordinary token, which decoding would not skip.
    generated = [token for token in tokens[0, len(token_ids) :].tolist() if token not in ends]
    return _read_answer(tokenizer, generated, prompt, guard)


def encode_prompts(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, questions: Sequence[Question], prompt: Prompt = PLAIN
) -> list[list[int]]:
    """Return the token ids of each prompt, cut so that an answer fits, and warn of abstracts that are cut.

    Raises `InputError` for a question that is too long.
    """
    room = prompt_room(model.config)
    encoder = PromptEncoder(tokenizer, prompt, room)
    encoded = [encoder.encode(question) for question in questions]
    for question, own in zip(questions, encoded, strict=True):
        if len(own.token_ids) > room:
            problem = f"takes {len(own.token_ids)} tokens without any abstract, and the model reads {room}"
            raise InputError(f"the question {question.question[:60]!r}... {problem}; shorten the question")
    if cut := {question.context for question, own in zip(questions, encoded, strict=True) if own.is_cut}:
        logger.warning("The model reads %d tokens; the ends of %d longer abstracts are cut off", room, len(cut))
    return [own.token_ids for own in encoded]


def _follows_masks(model: PreTrainedModel, prompts: list[list[int]]) -> bool:
    """Return whether the model computes the same logits for prompts that share a row as for each prompt by itself."""
    # Some architectures do not support four-dimensional masks, ignore the given positions, or have a window in which
    # a token sees the others. So the longest prompt is tested with two answers of the greatest length.
    longest = max(prompts, key=len)
    ending = (longest * MAX_ANSWER_TOKENS)[:MAX_ANSWER_TOKENS]
    tested = [[*longest, *ending], [*longest, *reversed(ending)]]
    try:
        together = first_logits(model, tested)
    except (RuntimeError, TypeError, ValueError, AttributeError) as error:  # each architecture raises its own
        if should_reduce_batch_size(error):
            raise InputError(f"the memory of {model.device} is too small for two questions; free some") from error
        return False
    with torch.inference_mode():
        alone = [model(torch.tensor([ids], device=model.device), logits_to_keep=1).logits[0, -1] for ids in tested]
    return bool((together - torch.stack(alone)).abs().max().item() < SAME_LOGITS)
