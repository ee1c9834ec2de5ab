"""Test the number guard: the numbers of a text, the allowed tokens, and answers of models that love digits."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from dataset_builder.corpus.questions import Question
from eval.generation.answers import answer_alone, answer_in_batches, encode_prompts
from eval.generation.number_guard import GuardedAnswer, NumberGuard, mask_numbers
from eval.generation.number_reader import START, read_numbers
from eval.generation.number_tokens import BYTE_TOKEN, NumberTokens
from eval.prompting import Answer

# Independent of the guard: every run of digits, with full stops and commas between digits.
NUMBERS = re.compile(r"\d+(?:[.,]\d+)*")
FORMS = ["{}", "{}x", "{}KB", "{}%", "DDR{}", "x{}", "GPT-{}", "{}-core", "up to {}x-{}x", "({})", "v{}", ".{}"]


class ListTokenizer:
    """A tokenizer whose tokens are given; the last one is the end of sequence."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = ["a", *tokens, ""]

    def get_vocab(self) -> dict[str, int]:
        """Return the tokens' numbers, by names that differ for equal tokens; those for a byte by their own names."""
        return {
            token if token.startswith("<0x") else f"{number} {token}": number
            for number, token in enumerate(self.tokens)
        }

    def encode(self, _: str, **__: Any) -> list[int]:
        """Return the token "a"."""
        return [0]

    def decode(self, tokens: list[int], **_: Any) -> str:
        """Join the texts of the tokens."""
        texts = [self.tokens[token] for token in tokens]
        return "".join(chr(int(text[3:5], 16)) if text.startswith("<0x") else text for text in texts)


def allowed_after(source: str, written: str, *tokens: str) -> list[str]:
    """Return which of `tokens` may follow what an answer has `written`; "" stands for the end of sequence."""
    import torch

    tokenizer: Any = ListTokenizer(*tokens)
    end = len(tokens) + 1
    guard = NumberGuard(source, NumberTokens(tokenizer, (end,)))
    answer = GuardedAnswer(guard)
    answer.position = guard.read(START, written)
    (masked,) = mask_numbers(torch.zeros(1, 1, end + 1), [[answer]])[0]
    return [tokenizer.tokens[token] for token in range(1, end + 1) if masked[token] == 0]


def is_allowed(source: str, answer: str) -> bool:
    """Return whether an answer can be written with one token for each character."""
    characters = sorted(set(answer + source))
    return all(
        (answer[: end + 1][-1] if end < len(answer) else "") in allowed_after(source, answer[:end], *characters)
        for end in range(len(answer) + 1)
    )


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("It takes 64KB, 2.5x, 3.5% or 1,024 bytes.", [("", "64"), ("", "2.5"), ("", "3.5"), ("", "1,024")]),
        ("DDR4-3200, x86 and GPT-2.", [("ddr", "4"), ("", "3200"), ("x", "86"), ("gpt", "2")]),
        ("2x-3x, 4x4 and 16-core", [("", "2"), ("", "3"), ("", "4"), ("x", "4"), ("", "16")]),
        ("only .5, then 2., 3.,4", [("", ".5"), ("", "2"), ("", "3"), ("", "4")]),
        ("version 2.6.32", [("", "2.6.32")]),
        ("see end.5 and 7..8", [("end", "5"), ("", "7"), ("", ".8")]),
        ("no number. None, at all", []),
    ],
)
def test_numbers_of_a_text(text: str, numbers: list[tuple[str, str]]) -> None:
    """A number with the letters of the name that it belongs to."""
    assert list(read_numbers(text)) == numbers


SOURCE = "DDR4 with 1,024 rows and 64KB is 2.5x faster, by 12% to 30%, than x86 with .5 V in 2x-3x of 2019."


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("It is 2.5x faster.", True),
        ("It is 2.", True),  # of 2x
        ("It is 3x.", True),  # the upper end of a range
        ("It has 1,024, and 12% more.", True),
        ("It has DDR4 and x86.", True),
        ("about .5 V", True),
        ("the L64 cache", True),  # no name L with a number in the source
        ("It is 5x.", False),
        ("It is 2.6x.", False),
        ("It has 1.", False),
        ("It has 1,0.", False),
        ("It has 1024.", False),
        ("It takes 4 rows.", False),  # only in a name
        ("It has DDR64.", False),
        ("In 201", False),
        ("about 5 V", False),
    ],
)
def test_answers_by_hand(answer: str, expected: bool) -> None:
    """Copies of numbers are allowed, their parts, continuations and other numbers are not."""
    assert is_allowed(SOURCE, answer) is expected


def test_token_with_several_digits_or_letters_is_checked_by_its_text() -> None:
    """A space or a bracket before digits, several numbers in a token, the end of one number and a new one."""
    tokens = ("1", "1,0", "24", " 64", "64KB (2.5", "DDR4", "DDR5", "64, 65", "word", ".", "2.")
    allowed = ["1,0", " 64", "64KB (2.5", "DDR4", "word", ".", "2.", ""]
    assert allowed_after(SOURCE, "It has ", *tokens) == allowed
    tokens = ("24", "24 and 30", "24 and 31", "2", "4", " ", ".", "word")
    assert allowed_after(SOURCE, "It has 1,0", *tokens) == ["24", "24 and 30", "2"]


def test_number_that_the_tokens_cannot_complete_is_not_begun() -> None:
    """Without a token for 4, nothing could follow "1,02"; with one, only it may follow, and never the end."""
    assert allowed_after("1,024 rows", "", "1", "0", "2", ",", "word") == [",", "word", ""]
    assert allowed_after("1,024 rows", "", "1", "0", "2", ",", "4", "word") == ["1", ",", "word", ""]
    assert allowed_after("1,024 rows", "1,02", "1", "0", "2", ",", "4", "word") == ["4"]
    assert allowed_after("no number", "", "1", "word") == ["word", ""]
    assert allowed_after("no number", "") == [""]


def test_number_cut_off_at_the_limit_is_removed() -> None:
    """An answer that reaches the limit in the middle of a number ends before it, as before an Arabic digit."""
    tokenizer: Any = ListTokenizer("1")
    guard = NumberGuard("1,024 rows in 12 ns", NumberTokens(tokenizer, (2,)))
    assert guard.cut_at_foreign_number("It takes 12 ns and 1,0") == "It takes 12 ns and"
    assert guard.cut_at_foreign_number("It takes 12 ns and 1,0,") == "It takes 12 ns and"
    assert guard.cut_at_foreign_number("It takes 12") == "It takes 12"
    assert guard.cut_at_foreign_number("It takes 12,") == "It takes 12,"
    assert guard.cut_at_foreign_number("It takes 12 or \u0663 ns of 12") == "It takes 12 or"


def make_questions(count: int) -> list[Question]:
    """Return questions on abstracts with two or three questions each, full of numbers of every form."""
    draw = random.Random(0)

    def number() -> str:
        return draw.choice(["{:d}", "{:,d}", "{:.1f}", "{:.2f}"]).format(draw.choice([7, 48, 650, 2019, 81920]))

    questions = []
    while len(questions) < count:
        phrases = [draw.choice(FORMS).replace("{}", number()) for _ in range(draw.randrange(12))]
        context = f"Caches of {' rows, '.join(phrases)} are small."
        questions += [Question("Do it", context, f"Why {'so ' * at}{number()}?") for at in range(draw.choice([2, 3]))]
    return questions[:count]


QUESTIONS = make_questions(60)


def train_tokenizer(kind: str) -> Any:
    """Return a tokenizer like GPT-2's, one whose tokens span words and numbers, or one like Llama's.

    Llama's has single digits, and tokens for bytes.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    if kind == "llama":
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Metaspace(), pre_tokenizers.Digits(individual_digits=True)]
        )
        alphabet = list("0123456789.,%() ")
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=kind == "gpt2")
    trainer = trainers.BpeTrainer(
        vocab_size=500, special_tokens=["<s>", "<unk>"], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([f"{one.context} {one.question}" for one in QUESTIONS], trainer)
    tokenizer.decoder = decoders.ByteLevel()
    if kind == "llama":
        written = json.loads(tokenizer.to_str())
        vocabulary = written["model"]["vocab"]
        vocabulary |= {f"<0x{byte:02X}>": len(vocabulary) + byte for byte in range(256)}
        written["model"]["byte_fallback"] = True
        tokenizer = Tokenizer.from_str(json.dumps(written))
        tokenizer.decoder = decoders.Sequence(
            [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="<s>", pad_token="<s>", unk_token="<unk>"
    )


@pytest.fixture(scope="module", params=["gpt2", "spanning", "llama"])
def model_and_tokenizer(request: pytest.FixtureRequest) -> Iterator[tuple[Any, Any]]:
    """Yield a model of random weights that loves digits, separators and the end of sequence, with its tokenizer."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

    tokenizer = train_tokenizer(request.param)
    torch.manual_seed(0)
    common = {"vocab_size": len(tokenizer), "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0}
    model: Any
    if request.param == "llama":
        sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
        model = LlamaForCausalLM(LlamaConfig(**common, **sizes, max_position_embeddings=1024))
    else:
        model = GPT2LMHeadModel(GPT2Config(**common, n_positions=1024, n_embd=32, n_layer=2, n_head=2))
    for parameter in model.parameters():
        parameter.data.mul_(6 if parameter.dim() > 1 else 1)
    model.lm_head = torch.nn.Linear(32, len(tokenizer))
    model.lm_head.weight.data.normal_()
    loved = [
        2.5 * any(character.isdigit() for character in text) + 1.5 * (text[:1] in (".", ","))
        for text in (tokenizer.decode([0, token], skip_special_tokens=True) for token in range(len(tokenizer)))
    ]
    model.lm_head.bias.data = torch.tensor(loved)
    model.lm_head.bias.data[0] = 2.0
    # A trained model has no use for the bytes of characters that have tokens.
    model.lm_head.bias.data[[token for name, token in tokenizer.get_vocab().items() if BYTE_TOKEN.match(name)]] = -100
    yield model.eval(), tokenizer


def foreign_numbers(question: Question, answer: str) -> set[str]:
    """Return the numbers of an answer that neither the abstract nor the question has."""
    return set(NUMBERS.findall(answer)) - set(NUMBERS.findall(f"{question.context} ? {question.question}"))


def greedy(
    model: Any,
    tokenizer: Any,
    questions: Sequence[Question] = QUESTIONS,
    *,
    is_guarded: bool,
    batch_size: int | None = None,
) -> list[Answer]:
    """Return the greedy answers to the questions."""
    answers = {}
    for batch in answer_in_batches(model, tokenizer, questions, batch_size, is_guarded=is_guarded):
        answers.update(batch)
    return [answers[number] for number in range(len(questions))]


def test_greedy_answers_have_no_foreign_number(model_and_tokenizer: tuple[Any, Any]) -> None:
    """Without the guard most answers have foreign numbers; answers without them stay as they are."""
    plain, guarded = (
        [answer.text for answer in greedy(*model_and_tokenizer, is_guarded=is_guarded)] for is_guarded in (False, True)
    )
    foreign = [foreign_numbers(question, answer) for question, answer in zip(QUESTIONS, plain, strict=True)]
    assert sum(map(bool, foreign)) > len(QUESTIONS) / 2
    for question, answer in zip(QUESTIONS, guarded, strict=True):
        assert foreign_numbers(question, answer) == set()
    assert sum(bool(NUMBERS.search(answer)) for answer in guarded) > len(QUESTIONS) / 10
    for answer, unguarded in zip(guarded, plain, strict=True):
        if not NUMBERS.search(unguarded):
            assert answer == unguarded


def test_batches_are_guarded_as_each_question_alone(model_and_tokenizer: tuple[Any, Any]) -> None:
    """In batches of two sizes, and by transformers' own generation with the guard as a processor."""
    model, tokenizer = model_and_tokenizer
    questions = QUESTIONS[:12]
    expected = greedy(model, tokenizer, questions, is_guarded=True)
    assert greedy(model, tokenizer, questions, is_guarded=True, batch_size=3) == expected
    tokens = NumberTokens(tokenizer, (0,))
    prompts = encode_prompts(model, tokenizer, questions)
    for question, prompt, answer in zip(questions, prompts, expected, strict=True):
        guard = NumberGuard(f"{question.context} ? {question.question}", tokens)
        assert answer_alone(model, tokenizer, prompt, guard=guard) == answer
