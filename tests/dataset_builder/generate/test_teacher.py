"""Teachers' files: what is packaged, what a prompt may hold, and what is refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from dataset_builder.errors import InputError
from dataset_builder.generate.journal import seed_of
from dataset_builder.generate.run import _make, _open
from dataset_builder.generate.schema import least_new_tokens
from dataset_builder.generate.teacher import PACKAGED, read_teacher

NAMES = sorted(path.stem for path in PACKAGED.glob("*.yaml"))


def test_packaged_teachers() -> None:
    """Two from the Hub, pinned to a commit, and one that needs none."""
    assert NAMES == ["gemma", "mistral", "smollm2"]
    models = {name: read_teacher(name).model for name in NAMES}
    assert models == {
        "gemma": "google/gemma-2-2b-it",
        "mistral": "mistralai/Mistral-7B-Instruct-v0.3",
        "smollm2": "data/models/smollm2",
    }
    assert read_teacher("gemma").license == "gemma"


@pytest.mark.parametrize("name", NAMES)
def test_braces_in_a_paper_stay_as_they_are(name: str) -> None:
    """Neither Jinja's nor Python's braces mean anything in a title or an abstract."""
    title, abstract = "{{ abstract }} of {0}", "{% for x in y %} {title} {# no #} }}"
    request = read_teacher(name).request(title, abstract)
    assert title in request
    assert abstract in request
    assert "2 to 3" in request


@pytest.mark.parametrize("name", NAMES)
def test_keys_are_in_order_and_launch_line_is_there(name: str) -> None:
    """As in the recipes: alphabetical within a group; the command that runs it stands above."""
    text = (PACKAGED / f"{name}.yaml").read_text()
    assert f"--teacher {name}" in text
    for group in text.split("\n\n"):
        keys = [line.split(":")[0] for line in group.splitlines() if line.startswith("  ") and ": " in line]
        if "limits:" in group or "sampling:" in group:
            assert keys == sorted(keys)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("sampling:", "samplign:", "'samplign': no teacher has such a key; the nearest is 'sampling'"),
        ("top_p:", "topp:", "sampling: 'topp': no teacher has such a key; the nearest is 'top_p'"),
        ("license: apache-2.0", "", "has no 'license'"),
        ("top_p: 0.9", "top_p: 1.5", "top_p is 1.5; it must be above 0 and at most 1"),
        ("temperature: 0.7", "temperature: warm", "temperature is 'warm'; it must be a number"),
        ("attempts: 3", "attempts: 0", "attempts is 0; it must be a whole number above 0"),
        ("least_pairs: 2", "least_pairs: 4", "least_pairs 4 is more than most_pairs 3"),
        ("new_tokens: 3700", "new_tokens: 1200", "set new_tokens to 3086 or more"),
        ("revision: c170c", "revision: main", "a branch moves"),
        ("{{ title }}", "{{ titel }}", "'titel' is undefined"),
        ("{{ title }}", "{% title }}", "the prompt cannot be rendered"),
        ("{{ abstract }}", "", "the prompt does not hold the abstract"),
    ],
)
def test_unfit_teacher_is_refused(tmp_path: Path, before: str, after: str, message: str) -> None:
    """The message names the value and the remedy, before anything is loaded."""
    text = (PACKAGED / "mistral.yaml").read_text()
    assert before in text
    (tmp_path / "mine.yaml").write_text(text.replace(before, after, 1))
    with pytest.raises(InputError) as error:
        read_teacher(str(tmp_path / "mine.yaml"))
    assert message in str(error.value)


def test_unknown_teacher_names_the_nearest() -> None:
    """A misspelt name, and a file that is not there."""
    with pytest.raises(InputError, match="the nearest is 'mistral'"):
        read_teacher("mistal")
    with pytest.raises(InputError, match="neither one of gemma, mistral, smollm2 nor a YAML file"):
        read_teacher("teachers/none.yaml")


def test_budget_of_the_packaged_teachers_holds_the_longest_response() -> None:
    """Worked out for mistral: 3 pairs of 200 and twice 400 characters, 85 of JSON around them, and the end."""
    assert least_new_tokens(read_teacher("mistral").limits) == 3 * (200 + 2 * 400) + 85 + 1
    assert all(read_teacher(name).limits.new_tokens >= least_new_tokens(read_teacher(name).limits) for name in NAMES)


def test_seed_is_of_run_paper_and_attempt() -> None:
    """The first 31 bits of a SHA-256 over the three; known values, since a changed rule would break every manifest."""
    import hashlib

    assert seed_of(0, "10.1/a", 0) == int(hashlib.sha256(b"0 0 10.1/a").hexdigest()[:8], 16) & 0x7FFFFFFF
    assert len({seed_of(run, paper, attempt) for run in (0, 1) for paper in "ab" for attempt in (0, 1)}) == 8


def test_folder_of_other_settings_is_refused(tmp_path: Path) -> None:
    """The message names what differs; hand-made pairs are never overwritten."""
    settings = {"teacher": dataclasses.asdict(read_teacher("mistral")), "prompt_sha256": "1", "seed": 0, "way": "x"}
    for _ in range(2):
        _make(tmp_path / "t")
        _open(tmp_path / "t", settings, [])
    with pytest.raises(
        InputError, match=r"holds pairs made with another prompt sha256 and --seed\. Give another --out"
    ):
        _open(tmp_path / "t", {**settings, "prompt_sha256": "2", "seed": 1}, [])
    (tmp_path / "by_hand").mkdir()
    (tmp_path / "by_hand/isca_2020.jsonl").write_text("{}\n")
    with pytest.raises(InputError, match="holds files that this command has not made"):
        _make(tmp_path / "by_hand")
    assert [path.name for path in (tmp_path / "by_hand").iterdir()] == ["isca_2020.jsonl"]
