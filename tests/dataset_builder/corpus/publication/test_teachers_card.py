"""The card's section on the teachers, from their manifests."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dataset_builder.corpus.build import build
from dataset_builder.corpus.manifest import Checks, Manifest
from dataset_builder.corpus.report import read_corpus_report
from dataset_builder.errors import InputError
from dataset_builder.formats import write_format
from dataset_builder.teachers.teacher import read_teacher
from dataset_builder.templates import render
from tests.conftest import REPOSITORY
from tests.corpus_slice import CORPUS_SLICE

TEMPLATE = REPOSITORY / "dataset_builder/corpus/templates/teachers.md.j2"


def manifest() -> Manifest:
    """Return what a run of gemma leaves."""
    teacher = read_teacher("gemma")
    return Manifest(
        teacher=teacher,
        prompt_sha256=teacher.prompt_sha256,
        backend="transformers",
        model=teacher.model,
        revision=teacher.revision,
        model_note=None,
        made_by=["transformers 5.23.0, cuda, bfloat16"],
        seed=4,
        checks=Checks(encoder="somebody/encoder", threshold=0.58),
        papers=4,
        papers_unanswered=0,
        papers_with_pairs=3,
        responses=5,
        responses_cut_off=0,
        tokens=500,
        pairs=10,
        accepted=7,
        rejected_pairs={"not a question": 2, "the answer repeats itself": 1},
        rejected_papers={"no response parsed": 1},
        by_year={},
    )


def test_section_says_what_the_manifest_says() -> None:
    """Model, revision, prompt, sampling and rejections by reason; and that another teacher has no manifest."""
    text = render(TEMPLATE, report={"teachers": {"gemma": manifest(), "by_hand": None}})
    for part in (
        *("### `gemma`", "`google/gemma-2-2b-it`", "`299a8560bedf22ed1c72a8a11e7dce4a7f9f51f8`", "cuda, bfloat16"),
        *(
            "temperature 0.7 and top-p 0.9",
            "seed 4",
            "wrote 10 pairs on 4 papers, and 7 of them passed",
            "0.58 by `somebody/encoder`",
        ),
        *("- 2 pairs: not a question\n", "- 1 pair: the answer repeats itself\n", "- 1 paper: no response parsed\n"),
        read_teacher("gemma").prompt.strip(),
        "### `by_hand`\n\nThese pairs came without a manifest",
    ):
        assert part in text
    assert "None" not in text
    assert "\n\n\n" not in text


def test_server_may_not_enforce_the_schema() -> None:
    """It got the schema. Its name of the model is only there if it differs from the teacher's."""
    served = manifest().model_copy(update={"backend": "http", "served_model": "google/gemma-2-2b-it"})
    text = render(TEMPLATE, report={"teachers": {"gemma": served}})
    assert "got a JSON schema for a\nlist of 2 to 3 pairs, but it may not have enforced it.\n\nSampling:" in text
    assert "constrained" not in text and "The server was asked for" not in text
    served = served.model_copy(update={"served_model": "behind", "model_note": "A note."})
    text = render(TEMPLATE, report={"teachers": {"gemma": served}})
    assert " The server was asked for the model `behind`. A note.\n" in text and "\n\n\n" not in text


def test_build_takes_the_manifests_along(tmp_path: Path, corpus: Path) -> None:
    """Into report.json, by teacher; null for pairs without one, and an error for a teacher that is not finished."""
    assert read_corpus_report(corpus).teachers == {"detailed": None, "plain": None}
    shutil.copytree(CORPUS_SLICE / "qa", tmp_path / "qa")
    write_format(tmp_path / "qa/detailed/generation.json", manifest())
    report = build(
        CORPUS_SLICE / "papers", tmp_path / "qa", ["detailed"], ["plain"], tmp_path / "corpus", "apache-2.0"
    )
    assert report.teachers == {"detailed": manifest(), "plain": None}
    assert read_corpus_report(tmp_path / "corpus") == report
    card = (tmp_path / "corpus/README.md").read_text()
    assert card.count("## How the pairs were written\n") == 1
    assert render(TEMPLATE, report=report) in card
    # The card states the licence of the model's output once.
    assert card.count(": gemma (https://ai.google.dev/gemma/terms).") == 1
    (tmp_path / "qa/plain/.generate").mkdir()
    with pytest.raises(InputError, match="plain: the teacher has not finished its pairs"):
        build(CORPUS_SLICE / "papers", tmp_path / "qa", ["detailed"], ["plain"], tmp_path / "corpus", "apache-2.0")
