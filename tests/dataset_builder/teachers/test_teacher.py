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


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("sampling:", "samplign:", "unknown key 'samplign', the nearest is 'sampling'"),
        ("license: apache-2.0", "", "has no 'license'"),
        ("top_p: 0.9", "top_p: 1.5", "sampling.top_p is 1.5: input should be less than or equal to 1"),
        ("attempts: 3", "attempts: 0", "limits.attempts is 0: input should be greater than 0"),
        ("least_pairs: 2", "least_pairs: 4", "limits.most_pairs is 3: must be at least least_pairs, which is 4"),
        ("new_tokens: 3700", "new_tokens: 1200", "limits.new_tokens is 1200: the longest response may take 3086"),
        ("revision: c170c", "revision: main", "a branch moves"),
        ("{{ title }}", "{{ titel }}", "'titel' is undefined"),
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


def test_unknown_teacher_names_the_nearest() -> None:
    """A misspelt name, and a file that does not exist."""
    with pytest.raises(InputError, match="the nearest is 'mistral'"):
        read_teacher("mistal")
    with pytest.raises(InputError, match="neither one of gemma, mistral, smollm2 nor a YAML file"):
        read_teacher("teachers/none.yaml")


def test_token_budget_of_the_packaged_teachers_holds_the_longest_response() -> None:
    """Worked out for mistral: 3 pairs of 200 and twice 400 characters, 85 of JSON around them, and the end token."""
    assert longest_response_tokens(3, 200, 400) == 3 * (200 + 2 * 400) + 85 + 1
    for limits in (read_teacher(name).limits for name in NAMES):
        assert limits.new_tokens >= longest_response_tokens(
            limits.most_pairs, limits.question_characters, limits.answer_characters
        )
