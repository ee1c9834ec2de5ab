"""`make bench-hub`: seconds and requests of the pushes to a loopback Hub, and of the loads from it.

Each step is a process of its own with an empty HF_HOME; its seconds are the process's, imports included. The slice's
corpus and two runs of two steps on the tests' tiny base are made first, uncounted. `--corpus DIR` pushes and loads
another corpus in its place, and no models.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.conftest import REPOSITORY
from tests.corpus_slice import CORPUS_SLICE
from tests.hub.running import RunningHub, running_hub
from tests.model_cards.test_publish import UPLOAD_BASE

CORPUS, BASE = "lab/isca-qa", "somebody/tiny-gpt2"
LOAD_ALL = """
from datasets import get_dataset_config_names, load_dataset
for name in get_dataset_config_names("lab/isca-qa"):
    load_dataset("lab/isca-qa", name)
"""
STREAM_ALL = """
from datasets import get_dataset_config_names, load_dataset
for name in get_dataset_config_names("lab/isca-qa"):
    for split in load_dataset("lab/isca-qa", name, streaming=True).values():
        for row in split:
            pass
"""
LOAD_FULL = "from transformers import AutoModelForCausalLM as M; M.from_pretrained('lab/tiny-full')"
LOAD_LORA = f"""
from peft import PeftModel
from transformers import AutoModelForCausalLM
PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained("{BASE}"), "lab/tiny-lora")
"""
LOAD_METRIC = "import evaluate; evaluate.load('lab/answer_similarity')"


class Bench:
    """The Hub, a folder to work in, and the table so far."""

    def __init__(self, hub: RunningHub, work: Path) -> None:
        self.hub = hub
        self.work = work
        self.homes = 0

    def run(self, *command: object) -> float:
        """Run a command in a new process with an empty HF_HOME and return its seconds; its failure ends all."""
        self.homes += 1
        begun = time.monotonic()
        done = self.hub.run(self.work / f"home-{self.homes}", *command)
        if done.returncode != 0:
            raise SystemExit(f"{command}: {done.stdout}{done.stderr}")
        return time.monotonic() - begun

    def step(self, name: str, *command: object) -> None:
        """Run a command and print its row."""
        self.hub.take_requests()
        seconds = self.run(*command)
        sys.stdout.write(f"| {name} | {seconds:.1f} | {len(self.hub.take_requests())} |\n")
        sys.stdout.flush()


def main() -> None:
    """Make what is pushed, then push and load it step by step."""
    command = argparse.ArgumentParser(prog="python -m tests.bench_hub", description=__doc__.splitlines()[0])
    command.add_argument("--corpus", type=Path, metavar="DIR", help="push and load this corpus alone")
    corpus = command.parse_args().corpus
    with tempfile.TemporaryDirectory() as temporary, running_hub(Path(temporary) / "hub") as hub:
        bench = Bench(hub, Path(temporary))
        if corpus is None:
            built = bench.work / "corpus"
            bench.run(
                *("-m", "dataset_builder", "build", "--papers", CORPUS_SLICE / "papers", "--qa", CORPUS_SLICE / "qa"),
                *("--train-teacher", "detailed", "--test-teachers", "plain", "detailed", "--out", built),
                *("--license", "apache-2.0"),
            )
        push = ("-m", "dataset_builder", "push", "--repo-id", CORPUS, "--dataset", corpus or built)
        sys.stdout.write("| step | seconds | requests |\n| --- | ---: | ---: |\n")
        bench.step("push the corpus, with tag", *push, "--contexts", "full", "--tag", "v1.0.0")
        bench.step("push it again", *push, "--contexts", "full", "--tag", "v1.0.0")
        bench.step("load every config and split", "-c", LOAD_ALL)
        bench.step("stream every config and split", "-c", STREAM_ALL)
        bench.step("push it without contexts", *push, "--contexts", "none")
        if corpus is None:
            hydrate = ("-m", "dataset_builder", "hydrate", "--repo-id", CORPUS, "--papers", CORPUS_SLICE / "papers")
            bench.step("hydrate", *hydrate, "--out", bench.work / "hydrated")
            bench.run(*push, "--contexts", "full")
            _models(bench)


def _models(bench: Bench) -> None:
    from tests.tiny import write_tiny_gpt2

    base, scores = write_tiny_gpt2(bench.work / "base", CORPUS_SLICE), bench.work / "eval/scores.json"
    bench.run("-c", UPLOAD_BASE, base, BASE)
    for method in ("full", "lora"):
        bench.run(
            *("-m", "training.sft", "--config", REPOSITORY / f"tests/recipes/tiny-{method}.yaml"),
            *("--max_steps", 2, "--dataset", CORPUS, "--model_name_or_path", BASE),
            *("--output_dir", bench.work / method),
        )
    bench.run(
        *("-m", "eval", "run", "--dataset", CORPUS, "--configs", "plain", "detailed", "--questions", 4),
        *("--encoders", "data/models/all-MiniLM-L6-v2", "--out", scores.parent),
        *("--models", f"full={bench.work / 'full'}", f"lora={bench.work / 'lora'}"),
    )
    for method in ("full", "lora"):
        publish = ("-m", "model_cards", "publish", "--run", bench.work / method, "--scores", scores)
        bench.step(f"publish the {method} run", *publish, "--repo-id", f"lab/tiny-{method}", "--tag", "v1.0.0")
    bench.step("load the full model", "-c", LOAD_FULL)
    bench.step("load base and adapter", "-c", LOAD_LORA)
    bench.step("push the metric", "-m", "eval", "push-metric", "--repo-id", "lab/answer_similarity")
    bench.step("load the metric", "-c", LOAD_METRIC)


if __name__ == "__main__":
    main()
