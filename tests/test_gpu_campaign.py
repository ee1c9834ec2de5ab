"""The runner of the GPU campaign with cheap commands, and the commands of its parts."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dataset_builder.command import stage_parser
from dataset_builder.errors import InputError
from dataset_builder.files import exclusive_lock
from dataset_builder.journal import Journal
from tests import bench_eval, bench_train
from tests.conftest import REPOSITORY
from tests.docs.test_commands import accepted, check_accelerate, check_module
from tests.gpu_campaign.entry import Entry
from tests.gpu_campaign.parts import Campaign, Part
from tests.gpu_campaign.process import running_processes
from tests.gpu_campaign.runner import Runner
from training import ledger
from training.comparison.recipes import STAGES

BENCHMARKS = {"tests.bench_train": bench_train, "tests.bench_eval": bench_eval}
# Waits for ever in the first call; prints a line in the second one.
SECOND_CALL_ENDS = """
import pathlib, signal, sys
begun = pathlib.Path(sys.argv[1])
if not begun.exists():
    begun.touch()
    signal.pause()
print("measured")
"""
# In the first call, kills the process that started it, and stays.
KILLS_THE_CAMPAIGN = SECOND_CALL_ENDS.replace(
    "signal.pause()", "import os; os.kill(os.getppid(), signal.SIGKILL); signal.pause()"
)
RUN_TWO_PARTS = """
import sys
from pathlib import Path
from tests.gpu_campaign.parts import Part
from tests.gpu_campaign.runner import Runner
parts = [Part("one", ("-c", "print(1)")), Part("two", ("-c", sys.argv[2], sys.argv[3]))]
assert Runner(Path(sys.argv[1]), "a CPU").run(parts, 60) == {}
"""


def entries(out: Path) -> list[Entry]:
    """Return the entries of a campaign."""
    return Journal(out, "entries", Entry).read_new()


def campaign(tmp_path: Path, *, is_dry: bool, has_gpu: bool) -> Campaign:
    """Return a campaign whose commands nobody runs."""
    encoders = tmp_path / "one", tmp_path / "two"
    return Campaign(tmp_path, tmp_path / "smollm2", encoders, "data/corpus", is_dry=is_dry, has_gpu=has_gpu)


def test_finished_parts_are_recorded_once(tmp_path: Path) -> None:
    """A second call leaves them out, and a part with another command runs again."""
    parts = [Part("one", ("-c", "print('first'); print(2)"))]
    assert Runner(tmp_path, "a GPU").run(parts, 60) == {}
    assert Runner(tmp_path, "a GPU").run(parts, 60) == {}
    (entry,) = entries(tmp_path)
    assert (entry.part, entry.device, entry.is_finished, entry.output) == ("one", "a GPU", True, ["first", "2"])
    assert entry.command == "python -c print('first'); print(2)"
    Runner(tmp_path, "a GPU").run([Part("one", ("-c", "print(3)"))], 60)
    assert [entry.output for entry in entries(tmp_path)] == [["first", "2"], ["3"]]


def test_stopped_part_continues(tmp_path: Path) -> None:
    """The part after it waits for the next call, and the section has the time of both calls."""
    parts = [Part("slow", ("-c", SECOND_CALL_ENDS, str(tmp_path / "begun"))), Part("next", ("-c", "print(1)"))]
    left = Runner(tmp_path, "a GPU").run(parts, 1)
    # A busy machine may not have started the command in this time.
    (tmp_path / "begun").touch()
    assert left == {"slow": "was stopped because the time was up", "next": "the time was up"}
    assert not (tmp_path / "results.md").read_text()
    assert Runner(tmp_path, "a GPU").run(parts, 60) == {}
    assert [(entry.part, entry.is_finished) for entry in entries(tmp_path)] == [
        ("slow", False),
        ("slow", True),
        ("next", True),
    ]
    newest, older = (tmp_path / "results.md").read_text().split("## ")[1:]
    assert "GPU campaign, next, at" in newest and "in one call" in newest
    assert "in 2 calls." in older and "    measured\n" in older


def test_failed_part_is_left_and_others_run(tmp_path: Path) -> None:
    """A part that needs it does not run either, and the next call tries it again."""
    parts = [
        Part("fails", ("-c", "import sys; sys.exit(2)")),
        Part("needs", ("-c", "print(1)"), needs=("fails",)),
        Part("other", ("-c", "print(1)")),
    ]
    left = Runner(tmp_path, "a GPU").run(parts, 60)
    assert left == {"fails": "failed with exit code 2, see its message above", "needs": "needs fails"}
    assert [entry.part for entry in entries(tmp_path)] == ["other"]


def test_killed_campaign_continues(tmp_path: Path) -> None:
    """The next call stops the command that a killed one left running, and runs it again."""
    command = [sys.executable, "-c", RUN_TWO_PARTS, tmp_path / "out", KILLS_THE_CAMPAIGN, tmp_path / "begun"]
    # Not into a pipe: the command that is left running would keep it open.
    assert subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.DEVNULL).returncode == -signal.SIGKILL
    assert len(running_processes(tmp_path / "out")) == 1
    again = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert running_processes(tmp_path / "out") == []
    assert [(entry.part, entry.is_finished) for entry in entries(tmp_path / "out")] == [("one", True), ("two", True)]


def test_sections_are_added_to_results_once(tmp_path: Path) -> None:
    """Before the older sections, also by a call that follows a kill between the journal and this file."""
    results = tmp_path / "RESULTS.md"
    results.write_text("# Results\n\nA log.\n\n## 2026-11-30: older\n\nText.\n")
    parts = [Part("one", ("-c", "print(1)")), Part("two", ("-c", "print(2)"))]
    Runner(tmp_path, "a GPU").run(parts, 60)
    for _ in range(2):
        Runner(tmp_path, "a GPU", results=results).run(parts, 60)
    text = results.read_text()
    assert text.startswith("# Results\n\nA log.\n\n## ")
    titles = [line.partition(": ")[2] for line in text.splitlines() if line.startswith("## ")]
    assert [title.partition(", at")[0] for title in titles] == ["GPU campaign, two", "GPU campaign, one", "older"]
    assert text.endswith("    python -c print(1)\n\n    1\n\n## 2026-11-30: older\n\nText.\n")


def test_a_part_sees_its_gpus(tmp_path: Path) -> None:
    """As many of the visible GPUs as it has processes."""
    show = ("-c", "import os; print(os.environ['CUDA_VISIBLE_DEVICES'])")
    Runner(tmp_path, "GPUs", gpus=["4", "6", "7"]).run([Part("one", show), Part("two", show, processes=2)], 60)
    assert [entry.output for entry in entries(tmp_path)] == [["4"], ["4,6"]]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "error: no GPU is visible; start it on a machine with a GPU, or try it by `make gpu-campaign DRY=1`\n"),
        (["--dry-run", "--results", "RESULTS.md"], "error: --results RESULTS.md: a dry run measures nothing; "),
        (["--dry-run", "--batch-size", "7"], "error: --batch-size 7: must be even, since two processes share a step"),
        (["--dry-run", "--parts", "none"], "error: --parts none: no such part; choose from train-speed, "),
        (["--dry-run", "--models", "none"], "error: --models none/all-MiniLM-L6-v2: not a folder here"),
    ],
    ids=["no GPU", "results of a dry run", "odd batch", "unknown part", "no models"],
)
def test_bad_input(
    words: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One message and exit code 2, before anything is written."""
    from tests.gpu_campaign import __main__ as command

    monkeypatch.setattr(command, "visible_gpus", list)
    monkeypatch.setattr(sys, "argv", ["gpu_campaign", "--out", str(tmp_path / "out"), *words])
    with pytest.raises(SystemExit) as exit_, command.exit_on_input_error():
        command.main()
    assert exit_.value.code == 2
    assert capsys.readouterr().err.startswith(message)
    assert not (tmp_path / "out").exists()


def test_folder_of_a_running_campaign_is_refused(tmp_path: Path) -> None:
    """Its commands are not stopped."""
    with exclusive_lock(tmp_path), pytest.raises(InputError, match="another command is writing into it"):
        Runner(tmp_path, "a GPU").run([], 60)


@pytest.mark.parametrize(("is_dry", "has_gpu"), [(False, True), (True, False)], ids=["on a GPU", "dry on a CPU"])
def test_commands_parse(is_dry: bool, has_gpu: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command names a module, options and recipe keys that exist."""
    monkeypatch.chdir(REPOSITORY)
    for part in campaign(tmp_path, is_dry=is_dry, has_gpu=has_gpu).parts():
        dash, module, *words = part.words
        assert dash == "-m"
        if module in BENCHMARKS:
            accepted(BENCHMARKS[module].parser().parse_args, words)
        elif module == "accelerate.commands.launch":
            check_accelerate(["launch", *words])
        elif module == "training.ledger":
            keys = stage_parser(ledger).parse_known_args(words)[1]
            check_module("training.sft", ["--config", "training/recipes/smollm2-lora.yaml", *keys])
        else:
            check_module(module, words)


def test_all_recipes_of_the_ledger_are_parts(tmp_path: Path) -> None:
    """And the names of the parts differ."""
    names = [part.name for part in campaign(tmp_path, is_dry=False, has_gpu=True).parts()]
    assert {f"ledger-{recipe}" for recipe in STAGES} <= {*names}
    assert len({*names}) == len(names)
