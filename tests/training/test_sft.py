"""Training from end to end on the tiny base: changed parameters, written files, kills, errors."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dataset_builder.corpus.load import corpus_revision
from dataset_builder.errors import InputError
from tests.conftest import REPOSITORY, contents
from tests.training.small_trainers import TokenizedPair, row_trainer, rows_by_pair, rows_by_paper, tiny_model
from training.start_model import find_start_model

# Files with times or with the commit, and the card and the settings, which name the folder.
APART = ("metrics.json", "environment.json", "README.md", "recipe.yaml")


def _command(tiny_base: Path, corpus: Path, encoder: Path, out: Path, method: str = "full") -> tuple[object, ...]:
    return (
        *("training.sft", "--config", REPOSITORY / f"tests/recipes/tiny-{method}.yaml"),
        *("--model_name_or_path", tiny_base, "--dataset", corpus, "--encoder", encoder, "--output_dir", out),
    )


def _weights(file: Path) -> dict:
    from safetensors.torch import load_file

    return load_file(file)


@pytest.fixture(scope="module")
def full_run(tmp_path_factory: pytest.TempPathFactory, tiny_base: Path, corpus: Path, encoder: Path) -> Path:
    """Return the folder of an unbroken full run, launched by accelerate."""
    out = tmp_path_factory.mktemp("full") / "run"
    launch = [str(Path(sys.executable).with_name("accelerate")), "launch", "--config_file", "accelerate_config.yaml"]
    command = [*launch, "-m", *map(str, _command(tiny_base, corpus, encoder, out))]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (out.parent / "output.txt").write_text(done.stdout + done.stderr)
    return out


def test_output_is_a_line_for_each_validation(full_run: Path) -> None:
    """No progress bar without a terminal, and nothing that a library prints."""
    lines = (full_run.parent / "output.txt").read_text().splitlines()
    found = [re.fullmatch(r"(.*): validation loss \d\.\d{3}, similarity -?\d\.\d{3}", line) for line in lines]
    assert [match and match[1] for match in found] == ["before training", "epoch 1", "epoch 2"], lines


def test_full_run_moves_every_parameter(full_run: Path, tiny_base: Path) -> None:
    """Each tensor of the base differs from the trained one."""
    import torch

    before, after = _weights(tiny_base / "model.safetensors"), _weights(full_run / "model.safetensors")
    assert before.keys() == after.keys()
    assert [name for name in before if torch.equal(before[name], after[name])] == []


def test_run_folder_is_complete(full_run: Path, corpus: Path) -> None:
    """The files and keys of docs/formats.md, no pickle, no checkpoint; two epochs of losses."""
    names = {path.name for path in full_run.iterdir()}
    assert {"model.safetensors", "tokenizer.json", "recipe.yaml", "metrics.json", "environment.json"} <= names
    assert not [name for name in names if name.startswith("checkpoint") or name.endswith((".bin", ".pt"))]
    metrics = json.loads((full_run / "metrics.json").read_text())
    keys = "base_model method seed train_seconds tokens_per_second peak_memory_bytes trainable_parameters"
    assert {*keys.split(), "loss_by_step", "loss_by_epoch", "validation"} <= metrics.keys()
    # The slice has 84 training pairs on 28 papers: 7 steps of 4 papers an epoch, two epochs.
    assert metrics["train_pairs"] == 84
    assert metrics["dataset_revision"] == corpus_revision(str(corpus))
    assert [step["step"] for step in metrics["loss_by_step"]] == list(range(1, 15))
    similarities = [epoch["validation_similarity"] for epoch in metrics["loss_by_epoch"]]
    assert metrics["validation"]["similarity"] == max(similarities)
    assert metrics["validation_before"]["loss"] > metrics["loss_by_epoch"][0]["validation_loss"]
    assert -1 < metrics["validation_before"]["similarity"] < 1
    assert metrics["method"] == "full"
    assert [epoch["epoch"] for epoch in metrics["loss_by_epoch"]] == [1, 2]
    assert metrics["loss_by_epoch"][1]["train_loss"] < metrics["loss_by_epoch"][0]["train_loss"]
    weights = sum(tensor.numel() for tensor in _weights(full_run / "model.safetensors").values())
    assert metrics["trainable_parameters"] == weights


def test_lora_run_trains_the_adapter_only(
    tmp_path: Path,
    tiny_base: Path,
    corpus: Path,
    encoder: Path,
    stage: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    """The folder holds an adapter and no base; every B matrix has left zero; the base is as it was, byte for byte."""
    before = contents(tiny_base)
    done = stage(*_command(tiny_base, corpus, encoder, tmp_path / "run", "lora"))
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    assert contents(tiny_base) == before
    assert not (tmp_path / "run/model.safetensors").exists()
    adapter = _weights(tmp_path / "run/adapter_model.safetensors")
    # Four linear layers a block (c_attn, two c_proj, c_fc), two blocks, an A and a B each.
    assert len(adapter) == 16
    assert all("lora_" in name for name in adapter)
    assert all(tensor.abs().max() > 0 for name, tensor in adapter.items() if "lora_B" in name)
    metrics = json.loads((tmp_path / "run/metrics.json").read_text())
    assert metrics["trainable_parameters"] == sum(tensor.numel() for tensor in adapter.values())


@pytest.mark.slow
def test_killed_run_ends_in_the_same_files(
    tmp_path: Path, tiny_base: Path, corpus: Path, encoder: Path, full_run: Path, stage: Callable, killed: Callable
) -> None:
    """Killed before a step, in the middle of a checkpoint, and before metrics.json; the losses are the same, too."""
    out = tmp_path / "run"
    command = _command(tiny_base, corpus, encoder, out)
    killed("training.guarded_trainer.Stopwatch.on_step_begin", 14, *command)
    assert [path.name for path in out.glob("checkpoint-*")]
    killed("transformers.trainer_callback.TrainerState.save_to_json", 1, *command)
    killed("training.run_folder.finish_run", 1, *command)
    done = stage(*command)
    assert done.returncode == 0, done.stderr
    assert contents(out, without=APART) == contents(full_run, without=APART)
    ours, unbroken = (json.loads((folder / "metrics.json").read_text()) for folder in (out, full_run))
    # The similarity may differ in its last digits: the sums of the encoder depend on where its numbers are in memory.
    assert ours["validation"] == pytest.approx(unbroken["validation"], rel=1e-4)
    for epoch, expected in zip(ours["loss_by_epoch"], unbroken["loss_by_epoch"], strict=True):
        assert epoch == pytest.approx(expected, rel=1e-4)
    apart = {"train_seconds", "tokens_per_second", "peak_memory_bytes", "validation", "loss_by_epoch"}
    assert {key for key in unbroken if ours[key] != unbroken[key]} <= apart


@pytest.mark.slow
def test_two_processes_train_as_one_with_twice_the_batch(
    tmp_path: Path, tokenizer: object, corpus: Path, encoder: Path, stage: Callable, killed: Callable
) -> None:
    """Two on the CPU by accelerate's own option, in float32 and without dropout: the same losses, the same answers.

    28 papers, 14 a step: where the last step is incomplete, accelerate would complete it with rows of the first one.
    Killed in the second epoch, after the checkpoint of step 3 of 4, the two resume in the order of that epoch. The
    validation loss is a mean over batches, which several processes divide in another way.
    """
    base = tmp_path / "llama"
    tiny_model("llama").save_pretrained(base)
    tokenizer.save_pretrained(base)
    metrics, devices = [], []
    for processes, batch in ((1, 14), (2, 7)):
        out = tmp_path / f"run{processes}"
        module, *words = _command(base, corpus, encoder, out)
        words += ["--bf16", "false", "--per_device_train_batch_size", batch]
        launch = ["accelerate.commands.launch", "--config_file", "accelerate_config.yaml"]
        launch += ["--multi_gpu", "--num_processes", processes] if processes > 1 else []
        if processes > 1:
            interrupt = ["-m", "tests.interrupt", "training.guarded_trainer.Stopwatch.on_step_begin", 4]
            done = stage(*launch, *interrupt, module, *words)
            assert done.returncode != 0
            assert (out / "checkpoint-3/trainer_state.json").is_file(), done.stderr
            assert not (out / "checkpoint-4").exists()
        done = stage(*launch, "-m", module, *words)
        assert done.returncode == 0, done.stderr
        assert "Warning" not in done.stderr and "[transformers]" not in done.stderr, done.stderr
        metrics.append(json.loads((out / "metrics.json").read_text()))
        devices.append(json.loads((out / "environment.json").read_text())["devices"])
    assert devices == [1, 2]
    one, two = ([step["loss"] for step in run["loss_by_step"]] for run in metrics)
    assert len(one) == 4
    assert two == pytest.approx(one, rel=1e-5)
    for one, two in zip(*(run["loss_by_epoch"] for run in metrics), strict=True):
        assert two["validation_loss"] == pytest.approx(one["validation_loss"], rel=1e-2)
        assert two["validation_similarity"] == pytest.approx(one["validation_similarity"], abs=1e-4)
    similarities = [run["validation_before"]["similarity"] for run in metrics]
    assert similarities[1] == pytest.approx(similarities[0], abs=1e-4)


@pytest.mark.slow
def test_two_processes_under_fsdp_train_as_one(
    tmp_path: Path, tokenizer: object, corpus: Path, stage: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the CPU, by FSDP's default of a part of the state a process: the whole model is saved, and is the same.

    28 papers, 14 a step: killed at step 2 of 2 and resumed from the checkpoint of step 1.
    """
    import torch

    from training.sft import main

    base = tmp_path / "llama"
    tiny_model("llama").save_pretrained(base)
    tokenizer.save_pretrained(base)
    words = ["--config", REPOSITORY / "tests/recipes/tiny-full.yaml", "--model_name_or_path", base]
    words += ["--dataset", corpus, "--validation_questions", 0, "--bf16", "false", "--num_train_epochs", 1]
    words += ["--save_steps", 1, "--per_device_train_batch_size"]
    main([*map(str, words), "14", "--output_dir", str(tmp_path / "one"), "--disable_tqdm", "true"])

    monkeypatch.setenv("ACCELERATE_TORCH_DEVICE", "cpu")
    launch = ["accelerate.commands.launch", "--use_fsdp", "--fsdp_version", 2, "--num_processes", 2]
    launch += ["--fsdp_auto_wrap_policy", "TRANSFORMER_BASED_WRAP"]
    module = "tests.training.fsdp_on_cpu"
    words += [7, "--output_dir", tmp_path / "two", "--use_cpu", "false"]
    interrupt = ["-m", "tests.interrupt", "training.guarded_trainer.Stopwatch.on_step_begin", 2]
    done = stage(*launch, *interrupt, module, *words)
    assert (tmp_path / "two/checkpoint-1/trainer_state.json").is_file(), done.stderr
    done = stage(*launch, "-m", module, *words)
    assert done.returncode == 0, done.stderr
    assert "resuming from" in done.stderr
    one, two = (json.loads((tmp_path / name / "metrics.json").read_text()) for name in ("one", "two"))
    assert [step["loss"] for step in two["loss_by_step"]] == pytest.approx(
        [step["loss"] for step in one["loss_by_step"]], rel=1e-5
    )
    assert two["validation"]["loss"] == pytest.approx(one["validation"]["loss"], rel=1e-2)
    assert two["trainable_parameters"] == one["trainable_parameters"]
    expected, found = (_weights(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, rtol=1e-4, atol=1e-5)


def test_wrong_adapter_keys_do_not_block_the_corrected_command(tmp_path: Path, tiny_base: Path, corpus: Path) -> None:
    """One message each, not a traceback of PEFT; the same folder takes the corrected recipe."""
    from training.sft import main

    _, *words = _command(tiny_base, corpus, tmp_path, tmp_path / "run", "lora")
    words += ["--max_steps", 1, "--validation_questions", 0, "--disable_tqdm", "true"]
    for wrong in (["--lora_target_modules", "nope"], ["--lora_r", 0]):
        with pytest.raises(InputError, match=r"the model and the recipe do not fit: .*; change the recipe"):
            main(list(map(str, [*words, *wrong])))
    main(list(map(str, words)))
    assert (tmp_path / "run/adapter_model.safetensors").is_file()
    assert "nope" not in (tmp_path / "run/recipe.yaml").read_text()


def test_adapter_on_a_bfloat16_base_stays_in_float32(
    tmp_path: Path, tiny_base: Path, corpus: Path, encoder: Path
) -> None:
    """`--dtype bfloat16`, whose frozen weights need no cast in a step: losses within one per cent of float32's."""
    from training.sft import main

    losses = []
    for dtype in ("float32", "bfloat16"):
        out = tmp_path / dtype
        _, *words = _command(tiny_base, corpus, encoder, out, "lora")
        words += ["--max_steps", 4, "--validation_questions", 0, "--disable_tqdm", "true", "--dtype", dtype]
        main(list(map(str, words)))
        adapter = _weights(out / "adapter_model.safetensors")
        assert {str(tensor.dtype) for tensor in adapter.values()} == {"torch.float32"}
        assert all(tensor.abs().max() > 0 for name, tensor in adapter.items() if "lora_B" in name)
        metrics = json.loads((out / "metrics.json").read_text())
        losses.append([step["loss"] for step in metrics["loss_by_step"]])
    assert losses[1] != losses[0]
    assert losses[1] == pytest.approx(losses[0], rel=0.01)


def test_layers_are_compiled_and_not_the_model(pairs: list[TokenizedPair], tokenizer: object, tmp_path: Path) -> None:
    """Eight rows in twos, of several lengths and numbers of answer tokens: two graphs at most, in 12 steps."""
    import torch
    from accelerate.utils.other import is_compiled_module

    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    settings = {"torch_compile": True, "torch_compile_backend": "eager"}
    settings |= {"per_device_train_batch_size": 2, "num_train_epochs": 3}
    trainer = row_trainer(tiny_model("llama"), rows_by_pair(pairs[:8]), tokenizer, tmp_path, **settings)
    trainer.train()
    graphs = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    torch._dynamo.reset()
    assert len({len(tokens) for tokens in trainer.train_dataset["input_ids"]}) > 1
    assert 1 <= graphs <= 2
    # accelerate marks a model that it has compiled as a whole.
    assert not is_compiled_module(trainer.model_wrapped)


def test_epoch_with_the_most_similar_answers_is_kept(
    pairs: list[TokenizedPair], tokenizer: object, tmp_path: Path
) -> None:
    """Similarities 0.2, 0.9 and 0.1 in three epochs of two steps: the weights are those saved at step 4."""
    import torch

    from training.validation import ValidationAtEpochEnd

    scores = iter([0.2, 0.9, 0.1])
    settings = {"per_device_train_batch_size": 2, "num_train_epochs": 3, "save_strategy": "steps", "save_steps": 100}
    trainer = row_trainer(
        tiny_model("llama"),
        rows_by_paper(pairs),
        tokenizer,
        tmp_path,
        similarity=lambda model: next(scores),
        save_total_limit=2,
        **settings,
    )
    trainer.add_callback(ValidationAtEpochEnd())
    trainer.train()
    assert trainer.state.best_metric == 0.9
    kept, last = (_weights(tmp_path / f"checkpoint-{step}/model.safetensors") for step in (4, 6))
    now = trainer.model.state_dict()
    assert all(torch.equal(now[name], tensor) for name, tensor in kept.items())
    assert not all(torch.equal(now[name], tensor) for name, tensor in last.items())


def test_finished_run_is_not_changed(
    full_run: Path, tiny_base: Path, corpus: Path, encoder: Path, stage: Callable
) -> None:
    """The same command again says so and changes no file."""
    before = contents(full_run)
    done = stage(*_command(tiny_base, corpus, encoder, full_run))
    assert done.returncode == 0
    assert "this run is finished; nothing to do" in done.stderr
    assert contents(full_run) == before


def test_bad_input_is_one_message(tmp_path: Path, corpus: Path, encoder: Path, stage: Callable) -> None:
    """A missing base model: exit 2 from python -m, and nothing is written."""
    out = tmp_path / "run"
    done = stage(*_command(tmp_path / "none", corpus, encoder, out))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert f"error: model_name_or_path={tmp_path / 'none'}: no such folder; give the folder of a" in done.stderr
    assert not out.exists()


def test_adapter_is_not_a_base(adapter: Path, tmp_path: Path, corpus: Path, encoder: Path) -> None:
    """The message names its base, and the stages that train an adapter further."""
    from training.sft import main

    _, *words = _command(adapter, corpus, encoder, tmp_path / "run")
    with pytest.raises(InputError, match=r"is a LoRA adapter; give its base .*, or train the adapter further by"):
        main(list(map(str, words)))
    assert not (tmp_path / "run").exists()


def test_bad_input_under_accelerate_launch(tmp_path: Path, tiny_base: Path, encoder: Path, stage: Callable) -> None:
    """A missing corpus: the message is there and the exit code is not zero."""
    launch = ("accelerate.commands.launch", "--config_file", "accelerate_config.yaml")
    done = stage(*launch, "-m", *_command(tiny_base, tmp_path / "none", encoder, tmp_path / "run"))
    assert done.returncode != 0
    assert done.stderr.count("error: dataset ") == 1
    assert not (tmp_path / "run").exists()


def test_training_from_a_revision_is_refused() -> None:
    """The trainers load the newest commit of a model only; nothing is downloaded."""
    with pytest.raises(InputError, match=r"ORG/NAME@v1': the libraries .*; download that revision, and give"):
        find_start_model("ORG/NAME@v1")


def test_stages_are_commands_of_the_package(stage: Callable) -> None:
    """Help names the stages, the keys and an example; an unknown key ends with exit code 2."""
    done = stage("training", "--help")
    assert done.returncode == 0
    assert all(re.search(rf"\n    {name}\s", done.stdout) for name in ("sft", "dpo"))
    assert "exit codes:\n  0  done\n" in done.stdout
    done = stage("training", "sft", "--help")
    assert "--validation_questions: " in done.stdout
    assert "--config FILE" in done.stdout
    assert (
        "example:\n  accelerate launch --config_file accelerate_config.yaml -m training.sft --config " in done.stdout
    )
    done = stage("training", "sft", "--learning_rat", "1")
    assert (done.returncode, "the nearest is 'learning_rate'" in done.stderr) == (2, True)
