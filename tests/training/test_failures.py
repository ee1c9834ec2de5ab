"""Failures of a run: one clear message each, and the last good checkpoint intact."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import TrainerCallback

from dataset_builder.errors import InputError, exit_on_input_error
from tests.conftest import contents
from tests.training.small_trainers import TokenizedPair, row_trainer, rows_by_pair, tiny_model
from training.guarded_trainer import TrainingError, explain_failures, save_run


class AtStep(TrainerCallback):
    """Calls a function before step 3, which follows the checkpoint of step 2."""

    def __init__(self, function: Any) -> None:
        self.function = function

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Call it."""
        if state.global_step == 2:
            self.function()


def _train(pairs: list[TokenizedPair], tokenizer: Any, out: Path, function: Any) -> dict[str, bytes]:
    """Train with `function` called after the checkpoint of step 2; return that checkpoint as it was then."""
    model = tiny_model("llama")
    settings = {"per_device_train_batch_size": 2, "max_steps": 4, "save_strategy": "steps", "save_steps": 2}
    trainer = row_trainer(model, rows_by_pair(pairs), tokenizer, out, save_total_limit=1, **settings)
    kept: dict[str, bytes] = {}

    def interfere() -> None:
        kept.update(contents(out / "checkpoint-2"))
        function(model)

    trainer.add_callback(AtStep(interfere))
    with explain_failures(out):
        trainer.train()
    return kept


@contextmanager
def _no_file_over(size: int) -> Iterator[None]:
    """Let no file grow past so many bytes, by the operating system's own limit."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def _assert_intact(out: Path, error: str, before: dict[str, bytes]) -> None:
    assert [path.name for path in out.glob("checkpoint-*")] == ["checkpoint-2"]
    assert f"the same command resumes from {out / 'checkpoint-2'}\n" in error
    assert "trainer_state.json" in contents(out / "checkpoint-2")
    assert before == {} or contents(out / "checkpoint-2") == before


def test_loss_that_is_no_number(
    pairs: list[TokenizedPair], tokenizer: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A weight becomes NaN: the run stops before that step changes anything or is saved."""

    def poison(model: Any) -> None:
        with torch.no_grad():
            model.model.norm.weight[0] = float("nan")

    with pytest.raises(SystemExit) as stopped:
        _train(pairs, tokenizer, tmp_path, poison)
    assert stopped.value.code == 1
    error = capsys.readouterr().err
    assert "error: the loss of step 3 is nan; the weights were not changed: pass a lower --learning_rate" in error
    _assert_intact(tmp_path, error, {})


def test_gradient_that_is_no_number(
    pairs: list[TokenizedPair], tokenizer: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The loss of step 3 is finite, one entry of one gradient is not: no weight has changed when the run stops."""
    before: dict[str, torch.Tensor] = {}
    models = []

    def poison(model: Any) -> None:
        models.append(model)
        before.update({name: tensor.clone() for name, tensor in model.state_dict().items()})
        weight = model.model.layers[0].mlp.up_proj.weight
        weight.register_hook(lambda gradient: gradient.index_fill(0, torch.tensor([1]), float("nan")))

    with pytest.raises(SystemExit) as stopped:
        _train(pairs, tokenizer, tmp_path, poison)
    assert stopped.value.code == 1
    assert all(torch.equal(before[name], tensor) for name, tensor in models[0].state_dict().items())
    error = capsys.readouterr().err
    assert "error: the gradient norm of step 3 is nan; the weights were not changed: pass a lower" in error
    _assert_intact(tmp_path, error, {})


def test_no_space_for_a_checkpoint(
    pairs: list[TokenizedPair], tokenizer: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From step 3 on no file can grow past 50 kB; the weights take 150."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    kept: dict[str, bytes] = {}

    def fill(model: Any) -> None:
        kept.update(contents(tmp_path / "checkpoint-2"))
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))

    with pytest.raises(SystemExit) as stopped, _no_file_over(limits[0]):
        _train(pairs, tokenizer, tmp_path, fill)
    assert stopped.value.code == 1
    error = capsys.readouterr().err
    assert f"error: {tmp_path}: the checkpoint of step 4 could not be saved (" in error
    assert "free some space, then run the same command again" in error
    _assert_intact(tmp_path, error, kept)


def test_no_space_for_the_model(
    pairs: list[TokenizedPair], tokenizer: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The run is trained to its end: its checkpoint stays, metrics.json, which would say finished, is not there."""
    settings = {"per_device_train_batch_size": 2, "max_steps": 1, "save_strategy": "steps", "save_steps": 1}
    trainer = row_trainer(tiny_model("llama"), rows_by_pair(pairs), tokenizer, tmp_path, **settings)
    trainer.train()
    metrics: Any = None  # not reached
    with pytest.raises(SystemExit) as stopped, explain_failures(tmp_path), _no_file_over(50_000):
        save_run(trainer, metrics, metrics)
    assert stopped.value.code == 1
    error = capsys.readouterr().err
    assert f"error: {tmp_path}: the model could not be saved (" in error
    assert f"the same command resumes from {tmp_path / 'checkpoint-1'}\n" in error
    assert not (tmp_path / "metrics.json").exists()


def test_out_of_memory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Torch on a CPU, asked for 2 to the 52nd bytes; the remedy leaves the steps as they are."""
    with pytest.raises(SystemExit) as stopped, explain_failures(tmp_path):
        torch.empty(2**50)
    assert stopped.value.code == 1
    error = capsys.readouterr().err
    assert error.startswith("error: out of memory (")
    assert "halve --per_device_train_batch_size and double --gradient_accumulation_steps" in error
    assert "no checkpoint was saved yet" in error


def test_launcher_of_several_processes_prints_the_message_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Torch's launcher reads it from the file that it names, and shows it at the end of its own report."""
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure

    file = tmp_path / "error.json"
    monkeypatch.setenv("TORCHELASTIC_ERROR_FILE", str(file))
    with pytest.raises(SystemExit), explain_failures(tmp_path):
        raise TrainingError("the loss is nan")
    shown = str(ChildFailedError("training.sft", {0: ProcessFailure(0, 1, 1, str(file))})).splitlines()
    assert shown[-3:-1] == ["  traceback : error: the loss is nan", "no checkpoint was saved yet"]
    with pytest.raises(SystemExit), exit_on_input_error():
        raise InputError("bad")
    shown = str(ChildFailedError("training.sft", {0: ProcessFailure(0, 1, 2, str(file))})).splitlines()
    assert shown[-2] == "  traceback : error: bad"


def test_interruption(tmp_path: Path) -> None:
    """Ctrl-C: the message says where the run resumes."""
    with pytest.raises(KeyboardInterrupt, match=r"^no checkpoint was saved yet$"), explain_failures(tmp_path):
        raise KeyboardInterrupt
    (tmp_path / "checkpoint-2").mkdir()
    (tmp_path / "checkpoint-2/trainer_state.json").write_text("{}")
    resumed = f"^the same command resumes from {tmp_path / 'checkpoint-2'}$"
    with pytest.raises(KeyboardInterrupt, match=resumed), explain_failures(tmp_path):
        raise KeyboardInterrupt


def test_other_errors_are_not_explained_away(tmp_path: Path) -> None:
    """A mistake in the program keeps its traceback."""
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"), explain_failures(tmp_path):
        torch.ones(2, 3) @ torch.ones(2, 3)
