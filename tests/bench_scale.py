"""Measure what the stages take on many papers: CPU seconds, peak memory, disk and requests (`make bench-scale`).

`python -m tests.bench_scale --papers N [--stages STAGE ...]` writes N papers of random words, with the pairs, the
responses and the answers of teachers and systems, so that no model generates. Each stage is the project's own command,
and one row of the table. The time of an evaluation depends on its encoder: the default one needs little.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from dataset_builder.corpus.manifest import WORK_FOLDER
from dataset_builder.corpus.questions import read_questions
from dataset_builder.corpus.rows import iterate_rows
from dataset_builder.corpus.split_files import find_split_files
from dataset_builder.files import write_text
from dataset_builder.models.folders import find_model
from dataset_builder.teachers.teacher import PACKAGED, read_teacher
from eval.generation.answer_store import AnswerStore
from eval.systems import System
from tests.hub.running import RunningHub, running_hub
from tests.measured_command import disk_bytes, run_measured
from tests.random_sources import given_answers, write_responses, write_sources

TEACHER = "plain"
# The papers of the other splits: a corpus needs some, and no stage spends time on them.
FEW_PAPERS = 20
# Pairs on a paper of the training, as in the open corpus.
TRAIN_PAIRS = 3
# The systems copy a sentence of the abstract with these probabilities, and otherwise answer with random words.
SYSTEMS = {"one": 0.8, "two": 0.7, "three": 0.2}
REPO = "lab/random-qa"
TINY_MODEL = """
import sys
from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel
tokenizer = AutoTokenizer.from_pretrained(sys.argv[2])
config = GPT2Config(vocab_size=len(tokenizer), n_positions=2048, n_embd=32, n_layer=2, n_head=2)
GPT2LMHeadModel(config).save_pretrained(sys.argv[1])
tokenizer.save_pretrained(sys.argv[1])
"""
STAGES = ("build", "hydrate", "eval", "generate", "train")


@dataclass(frozen=True)
class Bench:
    """The number of papers, the encoder, and a folder to work in: papers and pairs for the test, a tiny model."""

    papers: int
    encoder: str
    work: Path

    def measure(
        self,
        row: str,
        *words: object,
        wrote: Path,
        environment: Mapping[str, str] | None = None,
        hub: RunningHub | None = None,
    ) -> None:
        """Run `python -m WORDS`, which writes the folder `wrote`, and print its row."""
        if hub:
            hub.take_requests()
        measured = run_measured(*words, environment=environment)
        requests = str(len(hub.take_requests())) if hub else ""
        memory, disk = measured.peak_memory / 2**30, disk_bytes(wrote) / 2**20
        sys.stdout.write(f"| {row} | {measured.cpu_seconds:.1f} | {memory:.2f} | {disk:.1f} | {requests} |\n")
        sys.stdout.flush()

    def build(self, sources: Path, *options: object) -> tuple[object, ...]:
        """Return the words of `build`, which writes the corpus of `sources`."""
        folders = ("--papers", sources / "papers", "--qa", sources / "qa", "--out", sources / "corpus")
        return "dataset_builder", "build", *folders, "--train-teacher", TEACHER, "--test-teachers", TEACHER, *options


def main() -> None:
    """Write the papers and measure each stage."""
    command = argparse.ArgumentParser(prog="python -m tests.bench_scale", description=__doc__)
    command.add_argument("--papers", type=int, default=1000, metavar="N", help="papers; default: %(default)s")
    command.add_argument("--encoder", default="data/models/wordllama", metavar="DIR", help="default: %(default)s")
    tokenizer = "tokenizer of the training; default: %(default)s"
    command.add_argument("--tokenizer", default="data/models/smollm2", metavar="DIR", help=tokenizer)
    command.add_argument("--stages", nargs="+", choices=STAGES, default=STAGES, metavar="STAGE", help="default: all")
    arguments = command.parse_args()
    sys.stdout.write(f"{arguments.papers} papers\n\n")
    sys.stdout.write("| stage | CPU seconds | peak memory, GiB | disk, MiB | requests |\n")
    sys.stdout.write("| --- | ---: | ---: | ---: | ---: |\n")
    with tempfile.TemporaryDirectory() as temporary:
        bench = Bench(arguments.papers, str(Path(arguments.encoder).resolve()), Path(temporary))
        write_sources(bench.work, TEACHER, FEW_PAPERS, bench.papers, pairs=1)
        make_model = [sys.executable, "-c", TINY_MODEL, bench.work / "tiny", arguments.tokenizer]
        subprocess.run(make_model, check=True, stderr=subprocess.DEVNULL)
        if {"build", "hydrate", "eval"} & {*arguments.stages}:
            bench.measure("build", *bench.build(bench.work), wrote=bench.work / "corpus")
        if "hydrate" in arguments.stages:
            hydrate(bench)
        if "eval" in arguments.stages:
            evaluate(bench)
        if "generate" in arguments.stages:
            generate(bench)
        if "train" in arguments.stages:
            train(bench)


def hydrate(bench: Bench) -> None:
    """Measure `push` without contexts and `hydrate`, with a Hub on loopback."""
    with running_hub(bench.work / "hub") as hub:
        environment = hub.environment(bench.work / "home")
        push = ("dataset_builder", "push", "--repo-id", REPO, "--dataset", bench.work / "corpus", "--contexts", "none")
        bench.measure("push", *push, wrote=bench.work / "hub", environment=environment, hub=hub)
        restore = ("dataset_builder", "hydrate", "--repo-id", REPO, "--papers", bench.work / "papers")
        out = bench.work / "hydrated"
        bench.measure("hydrate", *restore, "--out", out, wrote=out, environment=environment, hub=hub)


def evaluate(bench: Bench) -> None:
    """Measure the scores and the report of three systems, whose answers are given."""
    work, model = bench.work, bench.work / "tiny"
    files = find_split_files(work / "corpus", [TEACHER], TEACHER)
    questions = read_questions(map(asdict, iterate_rows(files[TEACHER, "test"])))
    (work / "eval/answers").mkdir(parents=True)
    for name, copied in SYSTEMS.items():
        store = AnswerStore(work / "eval/answers", name, System(name, find_model(name, str(model))).fingerprint)
        store.append(given_answers(name, questions, copied))
        store.merge()
    models = [f"{name}={model}" for name in SYSTEMS]
    words = ("eval", "run", "--dataset", work / "corpus", "--configs", TEACHER, "--encoders", bench.encoder)
    bench.measure("eval run", *words, "--models", *models, "--out", work / "eval", wrote=work / "eval")


def generate(bench: Bench) -> None:
    """Measure `generate` on responses that are in its journal: the checks, and a finished run that starts again."""
    teacher, out = bench.work / "random.yaml", bench.work / "generated"
    packaged = (PACKAGED / "smollm2.yaml").read_text(encoding="utf-8")
    write_text(teacher, packaged.replace("model: data/models/smollm2", f"model: {bench.work / 'tiny'}"))
    write_responses(out / f"random/{WORK_FOLDER}", read_teacher(str(teacher)), bench.work / "papers")
    words = ("dataset_builder", "generate", "--teacher", teacher, "--papers", bench.work / "papers")
    for row in ("generate: checks of given responses", "generate: resume of a finished run"):
        bench.measure(row, *words, "--out", out, "--encoder", bench.encoder, wrote=out)


def train(bench: Bench) -> None:
    """Measure the training rows with two processes: a training of one step without validation answers."""
    sources, model = bench.work / "train", bench.work / "tiny"
    write_sources(sources, TEACHER, bench.papers, FEW_PAPERS, TRAIN_PAIRS)
    # Few papers for validation, because the model reads all of their rows.
    run_measured(*bench.build(sources, "--validation-share", 0.001))
    environment = os.environ | {"HF_HOME": str(bench.work / "train-home")}
    launch = ("accelerate.commands.launch", "--config_file", "accelerate_config.yaml", "--multi_gpu")
    words = ("--num_processes", 2, "-m", "training.sft", "--config", "tests/recipes/tiny-full.yaml", "--max_steps", 1)
    keys = ("--model_name_or_path", model, "--dataset", sources / "corpus", "--validation_questions", 0)
    batch = ("--per_device_train_batch_size", 1, "--per_device_eval_batch_size", 1)
    out = ("--output_dir", sources / "run")
    wrote = bench.work / "train-home"
    bench.measure(
        "training rows, 2 processes", *launch, *words, *keys, *batch, *out, wrote=wrote, environment=environment
    )


if __name__ == "__main__":
    main()
