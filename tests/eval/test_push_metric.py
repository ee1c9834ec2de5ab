"""Test that the metric is pushed as a Space, and that the evaluate library loads it from the Hub."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dataset_builder.hub.changes import PUSHED_FILES_FILE
from tests.conftest import REPOSITORY
from tests.hub.commands import Commands
from tests.hub.running import RunningHub

# Loads the metric by its name on the Hub, and from the folder of this repository, and computes with both.
LOAD = """
import json, sys
import evaluate
pairs = {"predictions": ["It halves the misses.", ""], "references": ["Misses fall by half.", "Nothing."]}
found = [evaluate.load(path).compute(**pairs, encoder=sys.argv[2]) for path in ("lab/answer_similarity", sys.argv[1])]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def pushed(hub: RunningHub, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Push the metric in a new process with an empty HF_HOME."""
    words = ("-m", "eval", "push-metric", "--repo-id", "lab/answer_similarity")
    done = hub.run(tmp_path_factory.mktemp("home"), *words)
    assert done.returncode == 0, done.stderr


def test_layout_is_that_of_a_metrics_space(hub: RunningHub, pushed: None) -> None:
    """The card names gradio and the tags of evaluate; app, requirements and the module are there."""
    api = "spaces/lab/answer_similarity"
    assert hub.files(api).keys() == {
        *("README.md", "app.py", "requirements.txt", "answer_similarity.py", PUSHED_FILES_FILE)
    }
    info = hub.api(f"/api/{api}")
    assert (info["sdk"], info["cardData"]["sdk"], info["cardData"]["tags"]) == (
        "gradio",
        "gradio",
        ["evaluate", "metric"],
    )
    for file in ("README.md", "answer_similarity.py"):
        text = hub.text(f"{api}/resolve/main/{file}")
        assert 'evaluate.load("lab/answer_similarity")' in text and "ORG/" not in text


def test_evaluate_loads_it_from_the_hub(hub: RunningHub, pushed: None, encoder: Path, tmp_path: Path) -> None:
    """In a new process with an empty HF_HOME: the same numbers as the module in this repository gives."""
    hub.take_requests()
    done = hub.run(tmp_path, "-c", LOAD, REPOSITORY / "eval/answer_similarity", encoder)
    assert done.returncode == 0, done.stderr
    from_hub, from_folder = json.loads(done.stdout.splitlines()[-1])
    assert from_hub == from_folder and len(from_hub["cosine_similarities"]) == 2
    assert "GET /spaces/lab/answer_similarity/resolve/main/answer_similarity.py" in hub.take_requests()


def test_space_of_another_name_is_refused(hub: RunningHub, commands: Commands) -> None:
    """The library evaluate would look for a file that the Space does not have."""
    done = commands.run("eval", "push-metric", "--repo-id", "lab/similarity")
    assert done.code == 2 and "give lab/answer_similarity" in done.output
