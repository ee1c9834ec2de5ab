"""Test how the words of `--models` become systems."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dataset_builder.errors import InputError
from eval.models import EncoderFolder
from eval.run_metrics import AnswerSampling
from eval.systems import MBRDecoding, parse_systems

MBR = MBRDecoding(
    AnswerSampling(samples=16, temperature=0.8, seed=3), EncoderFolder(given="encoder", path=Path("missing"))
)


def test_options_follow_the_model(tiny_base: Path) -> None:
    """Without options the prompt is plain and the decoding greedy."""
    words = [f"a={tiny_base}", f"b={tiny_base},decoding=mbr", f"c={tiny_base},prompt=plain,decoding=greedy"]
    first, second, third = parse_systems(words, MBR)
    assert (first.name, first.model.path, first.prompt, first.decoding) == ("a", tiny_base, "plain", None)
    assert second.decoding is MBR
    assert third.decoding is None


def test_comma_in_a_folder_is_part_of_its_name(tiny_base: Path, tmp_path: Path) -> None:
    """Only a comma before KEY= begins an option."""
    folder = shutil.copytree(tiny_base, tmp_path / "one,two")
    (system,) = parse_systems([f"a={folder},decoding=mbr"], MBR)
    assert system.model.path == folder and system.decoding is MBR


def test_fingerprint_follows_model_and_decoding(tiny_base: Path) -> None:
    """The same model has other answers when it is decoded differently."""
    greedy, mbr, again = parse_systems([f"a={tiny_base}", f"b={tiny_base},decoding=mbr", f"c={tiny_base}"], MBR)
    assert greedy.fingerprint == again.fingerprint != mbr.fingerprint


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["runs/full"], "must be NAME=MODEL"),
        (["=runs/full"], "must be NAME=MODEL"),
        (["a/b=runs/full"], "must be NAME=MODEL"),
        (["a=x,decoding=beam"], "decoding must be greedy or mbr, not 'beam'"),
        (["a=x,prompt=chat"], "prompt must be plain, not 'chat'"),
        (["a=x,decodin=mbr"], "'decodin=mbr' is unknown"),
        (["a=x,decoding=mbr,decoding=mbr"], "given twice"),
    ],
)
def test_bad_words_are_refused(words: list[str], complaint: str) -> None:
    """No name, no folder, a name that is a path, an unknown value, an unknown option, an option given twice."""
    with pytest.raises(InputError, match=complaint):
        parse_systems(words, MBR)


def test_name_given_twice_is_refused(tiny_base: Path) -> None:
    """Tables and files name the systems."""
    with pytest.raises(InputError, match="the name 'a' is given twice"):
        parse_systems([f"a={tiny_base}", f"a={tiny_base}"], MBR)
