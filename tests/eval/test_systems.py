"""Test how the words of `--models` become systems."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dataset_builder.corpus.questions import CorpusQuestion
from dataset_builder.errors import InputError
from dataset_builder.server.settings import Server, ServerOptions
from eval.prompting import PLAIN
from eval.served_model import ServedModel
from eval.systems import DecodingMethod, parse_systems

SERVED = "openai:http://127.0.0.1:8000/v1#mistralai/Mistral-7B"


def test_options_follow_the_model(tiny_base: Path) -> None:
    """Without options the prompt is plain and the decoding that of `--decoding`, by default greedy."""
    words = [f"a={tiny_base}", f"b={tiny_base},decoding=guarded", f"c={tiny_base},prompt=plain,decoding=greedy"]
    first, second, third = parse_systems(words)
    assert (first.name, first.model.path, first.prompt) == ("a", tiny_base, PLAIN)
    assert [system.decoding for system in (first, second, third)] == ["greedy", "guarded", "greedy"]
    assert [system.decoding for system in parse_systems(words, "guarded")] == ["guarded", "guarded", "greedy"]


def test_fingerprint_follows_model_and_decoding(tiny_base: Path) -> None:
    """The same model has other answers when it is decoded differently."""
    words = [f"a={tiny_base}", f"b={tiny_base}", f"c={tiny_base},decoding=guarded"]
    greedy, again, guarded = parse_systems(words)
    assert greedy.fingerprint == again.fingerprint != guarded.fingerprint


def test_fingerprint_follows_the_prompt(tiny_base: Path, tmp_path: Path) -> None:
    """The form, the examples of a few-shot prompt, and the chat template decide the answers."""
    folder = shutil.copytree(tiny_base, tmp_path / "model")
    forms = ("plain", "few-shot", "closed-book", "chat")
    template = folder / "chat_template.jinja"
    template.write_text("{{ messages[0].content }} A:")
    systems = parse_systems([f"{form}={folder},prompt={form}" for form in forms])
    assert len({system.fingerprint for system in systems}) == 4
    plain, few_shot, _, chat = systems
    examples = tuple(CorpusQuestion("Do it", "Caches are small.", "Why?", word, "10.1/a", 2020) for word in "ab")
    first, second = few_shot.with_examples(examples[:1]), few_shot.with_examples(examples[1:])
    assert len({few_shot.fingerprint, first.fingerprint, second.fingerprint}) == 3
    assert plain.with_examples(examples) is plain
    template.write_text("{{ messages[0].content }} B:")
    (changed,) = parse_systems([f"chat={folder},prompt=chat"])
    assert changed.fingerprint != chat.fingerprint


def test_chat_prompt_for_a_model_without_template_is_refused(tiny_base: Path) -> None:
    """Before any model is loaded, with the prompts that work."""
    with pytest.raises(InputError, match=r"prompt=chat needs a chat template.*use prompt=plain or prompt=few-shot"):
        parse_systems([f"a={tiny_base},prompt=chat"])


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["runs/full"], "must be NAME=MODEL"),
        (["=runs/full"], "must be NAME=MODEL"),
        (["a/b=runs/full"], "must be NAME=MODEL"),
        (["a=x,decoding=beam"], "decoding must be greedy or guarded, not 'beam'"),
        (["a=x,prompt=nice"], "prompt must be plain or chat or few-shot or closed-book, not 'nice'"),
        (["a=x,decodin=greedy"], "'decodin=greedy' is unknown"),
        (["a=x,decoding=greedy,decoding=greedy"], "given twice"),
        (["a=x", "a=y"], "the name 'a' is given twice"),
    ],
)
def test_bad_words_are_refused(words: list[str], complaint: str) -> None:
    """No name, no folder, a name that is a path, an unknown value or option, an option or a name given twice."""
    with pytest.raises(InputError, match=complaint):
        parse_systems(words)


def test_model_behind_a_server() -> None:
    """The prompt is a chat unless the word says otherwise; the system is neither a baseline nor trained."""
    chat, plain = parse_systems([f"a={SERVED}", f"b={SERVED},prompt=plain"], server=ServerOptions(concurrency=2))
    assert chat.model == ServedModel("a", Server("http://127.0.0.1:8000/v1", "mistralai/Mistral-7B", concurrency=2))
    assert (chat.prompt.form, chat.decoding, chat.role) == ("chat", "greedy", "served")
    assert (plain.prompt.form, plain.model.given) == ("plain", SERVED)


@pytest.mark.parametrize(
    ("words", "default", "complaint"),
    [
        ([f"a={SERVED}"], "guarded", "decoding=guarded needs a model in this process; add ,decoding=greedy"),
        ([f"a={SERVED},prompt=few-shot"], "greedy", "prompt=few-shot needs a model in this process; use prompt=chat"),
        (["a=openai:http://127.0.0.1:8000/v1"], "greedy", "must be openai:URL#MODEL"),
        (["a=openai:#m"], "greedy", "must be openai:URL#MODEL"),
        (["a=openai:127.0.0.1:8000#m"], "greedy", "a=openai:127.0.0.1:8000#m: must be an http or https URL"),
    ],
)
def test_bad_server_is_refused(words: list[str], default: DecodingMethod, complaint: str) -> None:
    """What only a model in this process can do, no name of a model, no address, an address without http."""
    with pytest.raises(InputError, match=complaint):
        parse_systems(words, default)


def test_options_of_a_server_fit_one_server(tiny_base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An option without a server is not ignored, and a key does not go to a second server."""
    monkeypatch.setenv("KEY", "a-secret")
    with pytest.raises(InputError, match="--concurrency 3: needs a system behind a server"):
        parse_systems([f"a={tiny_base}"], server=ServerOptions(concurrency=3))
    two = [f"a={SERVED}", f"b={SERVED.replace('8000', '8001')}"]
    with pytest.raises(InputError, match="--token-variable KEY: is for one server, and --models has 2"):
        parse_systems(two, server=ServerOptions(token_variable="KEY"))
    parse_systems(two, server=ServerOptions(concurrency=3))
