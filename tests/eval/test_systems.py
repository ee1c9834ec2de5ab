"""Test how the words of `--models` become systems."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dataset_builder.corpus.questions import CorpusQuestion
from dataset_builder.errors import InputError
from dataset_builder.models.folders import EncoderFolder
from dataset_builder.server.settings import Server, ServerOptions
from eval.prompting import PLAIN
from eval.run_metrics import AnswerSampling
from eval.served_model import ServedModel
from eval.systems import DecodingMethod, MBRDecoding, parse_systems

MBR = MBRDecoding(
    AnswerSampling(samples=16, temperature=0.8, seed=3), EncoderFolder(given="encoder", path=Path("missing"))
)
SERVED = "openai:http://127.0.0.1:8000/v1#mistralai/Mistral-7B"


def test_options_follow_the_model(tiny_base: Path) -> None:
    """Without options the prompt is plain and the decoding greedy."""
    words = [f"a={tiny_base}", f"b={tiny_base},decoding=mbr", f"c={tiny_base},prompt=plain,decoding=greedy"]
    first, second, third = parse_systems(words, MBR)
    assert (first.name, first.model.path, first.prompt, first.decoding) == ("a", tiny_base, PLAIN, None)
    assert second.decoding is MBR
    assert third.decoding is None
    assert [system.method for system in (first, second, third)] == ["greedy", "mbr", "greedy"]


def test_default_decoding_is_that_of_words_without_one(tiny_base: Path) -> None:
    """`--decoding guarded` does not change a system that names its decoding."""
    words = [f"a={tiny_base}", f"b={tiny_base},decoding=mbr", f"c={tiny_base},decoding=greedy"]
    assert [system.method for system in parse_systems(words, MBR, "guarded")] == ["guarded", "mbr", "greedy"]
    (named,) = parse_systems([f"a={tiny_base},decoding=guarded"], MBR)
    assert (named.method, named.is_guarded, named.decoding) == ("guarded", True, None)


def test_comma_in_a_folder_is_part_of_its_name(tiny_base: Path, tmp_path: Path) -> None:
    """Only a comma before KEY= begins an option."""
    folder = shutil.copytree(tiny_base, tmp_path / "one,two")
    (system,) = parse_systems([f"a={folder},decoding=mbr"], MBR)
    assert system.model.path == folder and system.decoding is MBR


def test_fingerprint_follows_model_and_decoding(tiny_base: Path) -> None:
    """The same model has other answers when it is decoded differently."""
    words = [f"a={tiny_base}", f"b={tiny_base},decoding=mbr", f"c={tiny_base}", f"d={tiny_base},decoding=guarded"]
    greedy, mbr, again, guarded = parse_systems(words, MBR)
    assert greedy.fingerprint == again.fingerprint
    assert len({greedy.fingerprint, mbr.fingerprint, guarded.fingerprint}) == 3


def test_fingerprint_follows_the_prompt(tiny_base: Path, tmp_path: Path) -> None:
    """The form, the examples of a few-shot prompt, and the chat template decide the answers."""
    folder = shutil.copytree(tiny_base, tmp_path / "model")
    forms = ("plain", "few-shot", "closed-book", "chat")
    template = folder / "chat_template.jinja"
    template.write_text("{{ messages[0].content }} A:")
    systems = parse_systems([f"{form}={folder},prompt={form}" for form in forms], MBR)
    assert len({system.fingerprint for system in systems}) == 4
    plain, few_shot, _, chat = systems
    examples = tuple(CorpusQuestion("Do it", "Caches are small.", "Why?", word, "10.1/a", 2020) for word in "ab")
    first, second = few_shot.with_examples(examples[:1]), few_shot.with_examples(examples[1:])
    assert len({few_shot.fingerprint, first.fingerprint, second.fingerprint}) == 3
    assert plain.with_examples(examples) is plain
    template.write_text("{{ messages[0].content }} B:")
    (changed,) = parse_systems([f"chat={folder},prompt=chat"], MBR)
    assert changed.fingerprint != chat.fingerprint


def test_chat_prompt_for_a_model_without_template_is_refused(tiny_base: Path) -> None:
    """Before any model is loaded, with the prompts that work."""
    with pytest.raises(InputError, match=r"prompt=chat needs a chat template.*use prompt=plain or prompt=few-shot"):
        parse_systems([f"a={tiny_base},prompt=chat"], MBR)


def test_broken_tokenizer_is_named(tiny_base: Path, tmp_path: Path) -> None:
    """A chat prompt needs the tokenizer before the model is loaded."""
    folder = shutil.copytree(tiny_base, tmp_path / "model")
    (folder / "tokenizer.json").write_text("{")
    with pytest.raises(InputError, match=f"a={folder}: its tokenizer cannot be loaded"):
        parse_systems([f"a={folder},prompt=chat"], MBR)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["runs/full"], "must be NAME=MODEL"),
        (["=runs/full"], "must be NAME=MODEL"),
        (["a/b=runs/full"], "must be NAME=MODEL"),
        (["a=x,decoding=beam"], "decoding must be greedy or guarded or mbr, not 'beam'"),
        (["a=x,prompt=nice"], "prompt must be plain or chat or few-shot or closed-book, not 'nice'"),
        (["a=x,decodin=mbr"], "'decodin=mbr' is unknown"),
        (["a=x,decoding=mbr,decoding=mbr"], "given twice"),
    ],
)
def test_bad_words_are_refused(words: list[str], complaint: str) -> None:
    """No name, no folder, a name that is a path, an unknown value, an unknown option, an option given twice."""
    with pytest.raises(InputError, match=complaint):
        parse_systems(words, MBR)


def test_model_behind_a_server() -> None:
    """The prompt is a chat unless the word says otherwise; the system is neither a baseline nor trained."""
    chat, plain = parse_systems([f"a={SERVED}", f"b={SERVED},prompt=plain"], MBR, server=ServerOptions(concurrency=2))
    assert chat.model == ServedModel("a", Server("http://127.0.0.1:8000/v1", "mistralai/Mistral-7B", concurrency=2))
    assert (chat.prompt.form, chat.method, chat.role) == ("chat", "greedy", "served")
    assert (plain.prompt.form, plain.model.given) == ("plain", SERVED)


def test_fingerprint_of_a_server_follows_address_model_and_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    """The key and the number of requests at once do not decide the answers."""
    monkeypatch.setenv("KEY", "a-secret")
    words = [SERVED, SERVED.replace("8000", "8001"), f"{SERVED}-v2", f"{SERVED},prompt=plain"]
    first, *others = parse_systems([f"a{number}={word}" for number, word in enumerate(words)], MBR)
    assert len({first.fingerprint, *(system.fingerprint for system in others)}) == 4
    options = ServerOptions(concurrency=2, token_variable="KEY")
    (same,) = parse_systems([f"b={SERVED}"], MBR, server=options)
    assert same.fingerprint == first.fingerprint


@pytest.mark.parametrize(
    ("words", "default", "complaint"),
    [
        ([f"a={SERVED},decoding=mbr"], "greedy", "decoding=mbr needs a model in this process; add ,decoding=greedy"),
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
        parse_systems(words, MBR, default)


def test_options_of_a_server_fit_one_server(tiny_base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An option without a server is not ignored, and a key does not go to a second server."""
    monkeypatch.setenv("KEY", "a-secret")
    with pytest.raises(InputError, match="--retries 3: needs a system behind a server"):
        parse_systems([f"a={tiny_base}"], MBR, server=ServerOptions(retries=3))
    two = [f"a={SERVED}", f"b={SERVED.replace('8000', '8001')}"]
    with pytest.raises(InputError, match="--token-variable KEY: is for one server, and --models has 2"):
        parse_systems(two, MBR, server=ServerOptions(token_variable="KEY"))
    parse_systems(two, MBR, server=ServerOptions(retries=3))


def test_name_given_twice_is_refused(tiny_base: Path) -> None:
    """Tables and files name the systems."""
    with pytest.raises(InputError, match="the name 'a' is given twice"):
        parse_systems([f"a={tiny_base}", f"a={tiny_base}"], MBR)
