"""Teachers' files: the packaged teachers, prompts with braces, and wrong files."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataset_builder.errors import InputError
from dataset_builder.teachers.teacher import PACKAGED, longest_response_tokens, read_teacher

NAMES = sorted(path.stem for path in PACKAGED.glob("*.yaml"))


def test_packaged_teachers() -> None:
    """Two come from the Hub, at a fixed commit, and one is packaged."""
    assert NAMES == ["gemma", "mistral", "smollm2"]
    models = {name: read_teacher(name).model for name in NAMES}
    assert models == {
        "gemma": "google/gemma-2-2b-it",
        "mistral": "mistralai/Mistral-7B-Instruct-v0.3",
        "smollm2": "data/models/smollm2",
    }
    assert read_teacher("gemma").license == "gemma"
    # A changed prompt would make other pairs: `generate` refuses to continue a run with another SHA-256.
    assert read_teacher("mistral").prompt_sha256.startswith("200a6474e998a2e9")


@pytest.mark.parametrize("name", NAMES)
def test_braces_in_a_paper_are_not_interpreted(name: str) -> None:
    """Braces in a title or an abstract mean nothing, neither Jinja's nor Python's."""
    title, abstract = "{{ abstract }} of {0}", "{% for x in y %} {title} {# no #} }}"
    prompt = read_teacher(name).render_prompt(title, abstract)
    assert title in prompt
    assert abstract in prompt
    assert "2 to 3" in prompt


@pytest.mark.parametrize("name", NAMES)
def test_keys_are_in_order_and_the_command_is_shown(name: str) -> None:
    """As in the recipes: keys are alphabetical within a group, and a comment shows the command."""
    text = (PACKAGED / f"{name}.yaml").read_text()
    assert f"--teacher {name}" in text
    for group in text.split("\n\n"):
        keys = [line.split(":")[0] for line in group.splitlines() if line.startswith("  ") and ": " in line]
        if "limits:" in group or "sampling:" in group:
            assert keys == sorted(keys)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("sampling:", "samplign:", "unknown key 'samplign', the nearest is 'sampling'"),
        ("top_p:", "topp:", "unknown key 'sampling.topp', the nearest is 'top_p'"),
        ("license: apache-2.0", "", "has no 'license'"),
        ("license: apache-2.0", "license: ' '", "license is ' ': string should have at least 1 character"),
        ("license: apache-2.0", "license: apache-2.0\nname: other", "unknown key 'name'"),
        ("license: apache-2.0", "license: apache2", "license: 'apache2' is not a licence id of the Hub"),
        ("top_p: 0.9", "top_p: 1.5", "sampling.top_p is 1.5: input should be less than or equal to 1"),
        ("temperature: 0.7", "temperature: 0", "sampling.temperature is 0: input should be greater than 0"),
        ("temperature: 0.7", "temperature: warm", "sampling.temperature is 'warm': input should be a valid number"),
        ("attempts: 3", "attempts: 0", "limits.attempts is 0: input should be greater than 0"),
        ("attempts: 3", "attempts: true", "limits.attempts is True: input should be a valid integer"),
        ("least_pairs: 2", "least_pairs: 4", "limits.most_pairs is 3: must be at least least_pairs, which is 4"),
        ("new_tokens: 3700", "new_tokens: 1200", "limits.new_tokens is 1200: the longest response may take 3086"),
        ("revision: c170c", "revision: main", "a branch moves"),
        ("{{ title }}", "{{ titel }}", "'titel' is undefined"),
        ("{{ title }}", "{% title }}", "the prompt cannot be rendered"),
        ("{{ abstract }}", "", "the prompt does not contain the abstract"),
    ],
)
def test_wrong_file_is_refused(tmp_path: Path, before: str, after: str, message: str) -> None:
    """The message names the key, the value and the rule, before anything is loaded."""
    text = (PACKAGED / "mistral.yaml").read_text()
    assert before in text
    (tmp_path / "mine.yaml").write_text(text.replace(before, after, 1))
    with pytest.raises(InputError) as error:
        read_teacher(str(tmp_path / "mine.yaml"))
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [("- a list\n", "not a mapping of keys to values"), ("model: [", "cannot be read as YAML")],
)
def test_file_without_keys_is_refused(tmp_path: Path, content: str, message: str) -> None:
    """A list, and text that is not YAML."""
    (tmp_path / "mine.yaml").write_text(content)
    with pytest.raises(InputError, match=message):
        read_teacher(str(tmp_path / "mine.yaml"))


def test_unknown_teacher_names_the_nearest() -> None:
    """A misspelt name, and a file that does not exist."""
    with pytest.raises(InputError, match="the nearest is 'mistral'"):
        read_teacher("mistal")
    with pytest.raises(InputError, match="neither one of gemma, mistral, smollm2 nor a YAML file"):
        read_teacher("teachers/none.yaml")


def test_name_with_a_space_is_answered_with_the_rule(tmp_path: Path) -> None:
    """The name of the file is the name of the teacher."""
    (tmp_path / "my teacher.yaml").write_text((PACKAGED / "mistral.yaml").read_text())
    with pytest.raises(InputError, match=r"my teacher\.yaml: rename the file; a name has .*, no space"):
        read_teacher(str(tmp_path / "my teacher.yaml"))


def test_token_budget_of_the_packaged_teachers_holds_the_longest_response() -> None:
    """Worked out for mistral: 3 pairs of 200 and twice 400 characters, 85 of JSON around them, and the end token."""
    assert longest_response_tokens(3, 200, 400) == 3 * (200 + 2 * 400) + 85 + 1
    for limits in (read_teacher(name).limits for name in NAMES):
        assert limits.new_tokens >= longest_response_tokens(
            limits.most_pairs, limits.question_characters, limits.answer_characters
        )
