"""Define how systems are asked: the forms of prompts, what a model reads for a question, and how answers are read."""

import hashlib
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from dataset_builder.corpus.questions import CorpusQuestion, Question
from dataset_builder.errors import InputError
from dataset_builder.models.folders import ModelFolder, tokenizer_folder
from dataset_builder.prompt import build_completion, build_prompt, fit_context

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

PromptForm = Literal["plain", "chat", "few-shot", "closed-book"]
FORMS: tuple[PromptForm, ...] = get_args(PromptForm)
EXAMPLES = 2
# Examples may take this share of the tokens that a model reads. The rest is for the abstract and its question.
SHARE_OF_EXAMPLES = 0.5
# Separates the parts of a few-shot prompt. Answers are one paragraph, so this also ends an answer to such a prompt.
BLANK_LINE = "\n\n"


@dataclass(frozen=True)
class Answer:
    """An answer, and whether it is cut off at the largest number of tokens."""

    text: str
    is_cut: bool = False


@dataclass(frozen=True)
class Prompt:
    """The form of a system's prompts, and the `examples` of few-shot prompts, the same for all questions.

    - plain: the training prompt.
    - chat: one turn of a user in the model's chat template.
    - few-shot: the plain prompt after examples with their answers. An answer ends at the first blank line, because an
      untrained model would continue with another question.
    - closed-book: the plain prompt without the abstract.
    """

    form: PromptForm = "plain"
    examples: tuple[CorpusQuestion, ...] = ()

    def source(self, question: Question) -> str:
        """Return the texts that the prompt shows: the question and, except in a closed-book prompt, the abstract."""
        return question.question if self.form == "closed-book" else f"{question.context}\n\n{question.question}"

    def read_answer(self, generated: str, at_limit: bool) -> Answer:
        """Return the answer in the generated text, which has the largest number of tokens if it is `at_limit`."""
        text = generated.strip()
        if self.form != "few-shot":
            return Answer(text, at_limit)
        first, blank_line, _ = text.partition(BLANK_LINE)
        return Answer(first.rstrip(), at_limit and not blank_line)


PLAIN = Prompt()


@dataclass(frozen=True)
class EncodedPrompt:
    """The token ids of one prompt, and whether the end of its abstract is cut off."""

    token_ids: list[int]
    is_cut: bool


class PromptEncoder:
    """Encode questions in the form of `prompt`, so that each prompt has at most `max_tokens` tokens.

    The end of an abstract that is too long is cut off. Examples that do not fit are left out.

    Raises `InputError` if no example of a few-shot prompt fits.
    """

    def __init__(self, tokenizer: "PreTrainedTokenizerBase", prompt: Prompt, max_tokens: int) -> None:
        self._tokenizer = tokenizer
        self._form = prompt.form
        self._max_tokens = max_tokens
        self._beginning = ""
        for example in prompt.examples:
            longer = self._beginning + example_text(example) + BLANK_LINE
            if len(self._ids(longer)) <= max_tokens * SHARE_OF_EXAMPLES:
                self._beginning = longer
        if self._form == "few-shot" and not self._beginning:
            problem = f"no example fits into half of the {max_tokens} tokens that the model reads"
            raise InputError(f"prompt=few-shot: {problem}; use prompt=plain")

    def encode(self, question: Question) -> EncodedPrompt:
        """Return the prompt. If the question leaves no room for the abstract, the prompt exceeds the limit."""

        def encode(context: str) -> list[int]:
            return self._ids(self._text(question.instruction, context, question.question))

        if self._form == "closed-book":
            return EncodedPrompt(encode(""), is_cut=False)
        kept = fit_context(self._tokenizer, question.context, self._max_tokens, encode)
        return EncodedPrompt(encode(kept), is_cut=kept != question.context)

    def _text(self, instruction: str, context: str, question: str) -> str:
        match self._form:
            case "chat":
                content = build_chat_turn(instruction, context, question)
                turn = [{"role": "user", "content": content}]
                return str(self._tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True))
            case "closed-book":
                return build_closed_book_prompt(instruction, question)
            case _:
                return self._beginning + build_prompt(instruction, context, question)

    def _ids(self, text: str) -> list[int]:
        # A chat template writes the special tokens itself.
        ids: list[int] = self._tokenizer(text, add_special_tokens=self._form != "chat")["input_ids"]
        return ids


def build_chat_turn(instruction: str, context: str, question: str) -> str:
    """Return what the user says in a chat prompt."""
    return f"{instruction}.\n\nAbstract: {context}\n\nQuestion: {question}\n\nAnswer in one or two sentences."


def build_closed_book_prompt(instruction: str, question: str) -> str:
    """Return the plain prompt without the abstract."""
    return f"{instruction}.\n\nQuestion: {question}\n\nAnswer:"


def example_text(example: CorpusQuestion) -> str:
    """Return an example of a few-shot prompt: its plain prompt and its completion."""
    prompt = build_prompt(example.instruction, example.context, example.question)
    return prompt + build_completion(example.answer)


def choose_examples(training: Sequence[CorpusQuestion]) -> tuple[CorpusQuestion, ...]:
    """Return the examples of few-shot prompts, from the training questions of a corpus.

    Of the papers whose abstract is not longer than the median, these are the ones with the smallest SHA-256 of the
    paper id, each with its question of the smallest SHA-256. So the examples do not depend on the order of the rows.
    """
    papers: dict[str, list[CorpusQuestion]] = {}
    for question in training:
        papers.setdefault(question.paper_id, []).append(question)
    median = statistics.median(len(questions[0].context) for questions in papers.values())
    short = [paper for paper, questions in papers.items() if len(questions[0].context) <= median]
    chosen = sorted(short, key=_digest)[:EXAMPLES]
    return tuple(min(papers[paper], key=lambda question: _digest(question.question)) for paper in chosen)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def read_chat_template(folder: ModelFolder) -> str:
    """Return the chat template of a model's tokenizer; raises `InputError` for a model without one or a broken one."""
    from transformers import AutoTokenizer

    path = tokenizer_folder(folder)
    try:
        template = AutoTokenizer.from_pretrained(path).chat_template
    except Exception as error:  # the errors of the libraries have no common class
        problem = f"its tokenizer cannot be loaded ({type(error).__name__}: {error})"
        raise InputError(f"{folder.name}={folder.given}: {problem}; train or download it again") from error
    if not template:
        problem = "prompt=chat needs a chat template, and its tokenizer has none"
        raise InputError(f"{folder.name}={folder.given}: {problem}; use prompt=plain or prompt=few-shot")
    return str(template)
