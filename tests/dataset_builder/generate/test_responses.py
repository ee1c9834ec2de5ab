"""The seed of a response, the journal of results, and the folder of a teacher."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from dataset_builder.corpus.manifest import GenerationSettings
from dataset_builder.errors import InputError
from dataset_builder.generate.responses import PaperResult, Request, ResponseJournal, derive_seed
from dataset_builder.generate.teacher_folder import check_teacher_folder, make_teacher_folder
from dataset_builder.teachers.teacher import read_teacher


def test_seed_depends_on_run_paper_and_attempt() -> None:
    """The first 31 bits of a SHA-256 over the three; known values, since a changed rule would break every manifest."""
    assert derive_seed(0, "10.1/a", 0) == int(hashlib.sha256(b"0 0 10.1/a").hexdigest()[:8], 16) & 0x7FFFFFFF
    assert len({derive_seed(run, paper, attempt) for run in (0, 1) for paper in "ab" for attempt in (0, 1)}) == 8


def test_journal_finds_the_result_of_a_paper_and_prompt(tmp_path: Path) -> None:
    """A changed prompt has no result; of two results of a request the first one counts."""
    request = Request("10.1/a", "Write pairs.")
    first, second = (
        PaperResult(paper_id="10.1/a", request_sha256=request.sha256, made_by=name, responses=[], failure="too long")
        for name in ("first", "second")
    )
    journal = ResponseJournal(tmp_path)
    assert journal.get(request) is None
    journal.append([first])
    journal.append([second])
    assert journal.read_new() == [first]
    assert ResponseJournal(tmp_path).get(request) == first
    assert journal.get(Request("10.1/a", "Write other pairs.")) is None
    assert journal.paper_ids == {"10.1/a"}


def served_settings(served_model: str | None = None) -> GenerationSettings:
    """Return the settings of a run on a server."""
    teacher = read_teacher("mistral")
    return GenerationSettings(
        teacher=teacher,
        prompt_sha256="1",
        backend="http",
        model=teacher.model,
        revision=teacher.revision,
        model_note=None,
        seed=0,
        served_model=served_model,
    )


def test_folder_of_other_settings_is_refused(tmp_path: Path) -> None:
    """The message names what differs; pairs of another origin are never overwritten."""
    settings = served_settings()
    for _ in range(2):
        make_teacher_folder(tmp_path / "t")
        check_teacher_folder(tmp_path / "t", settings, [])
    other = settings.model_copy(update={"prompt_sha256": "2", "seed": 1})
    with pytest.raises(InputError, match=r"generated with another prompt sha256 and --seed; give another --out"):
        check_teacher_folder(tmp_path / "t", other, [])
    (tmp_path / "t/.generate/settings.json").write_text('{"way": "transformers"}')
    with pytest.raises(InputError, match=r"settings\.json: it may be of an older version|unknown key 'way'"):
        check_teacher_folder(tmp_path / "t", settings, [])
    (tmp_path / "by_hand").mkdir()
    (tmp_path / "by_hand/isca_2020.jsonl").write_text("{}\n")
    with pytest.raises(InputError, match="has files that `generate` did not write"):
        make_teacher_folder(tmp_path / "by_hand")
    assert [path.name for path in (tmp_path / "by_hand").iterdir()] == ["isca_2020.jsonl"]
