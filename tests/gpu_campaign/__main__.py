"""Measure on a GPU what RESULTS.md names as not measured there (`make gpu-campaign`).

`python -m tests.gpu_campaign` runs the commands of `tests/gpu_campaign/parts.py`, one after the other, for at most 8
minutes. The same command continues: finished parts are left out, and a command that was stopped continues from what it
saved. Each finished part is a section of results.md in the output folder. With `--dry-run`, each command runs with two
steps and few questions on a model of random weights, also on a CPU. Exit codes: 0 all parts that this machine can run
are finished, 2 bad input, 3 some of them are left.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from dataset_builder.command import number_between, whole_number
from dataset_builder.corpus.load import corpus_revision
from dataset_builder.errors import InputError, exit_on_input_error
from dataset_builder.files import make_writable_folder
from dataset_builder.models.folders import find_encoder, find_model
from docs.machine import describe_machine
from tests.gpu_campaign.dry_inputs import write_dry_inputs
from tests.gpu_campaign.entry import read_results
from tests.gpu_campaign.parts import BASE, PROCESSES, Campaign
from tests.gpu_campaign.runner import RESULTS_FILE, Runner

PARTS_ARE_LEFT = 3


def parser() -> argparse.ArgumentParser:
    """Return the command's parser."""
    command = argparse.ArgumentParser(prog="python -m tests.gpu_campaign", description=__doc__, allow_abbrev=False)
    add = command.add_argument
    models_help = "folder of the packaged models; a dry run needs the encoders only; default: %(default)s"
    add("--models", type=Path, default=Path("data/models"), metavar="DIR", help=models_help)
    dataset_help = "corpus; a dry run makes a small one; default: %(default)s"
    add("--dataset", default="data/corpus", metavar="CORPUS", help=dataset_help)
    add("--out", type=Path, metavar="DIR", help="default: runs/gpu-campaign, of a dry run runs/gpu-campaign-dry")
    add("--minutes", type=number_between(0.01, 1440.0), default=8.0, metavar="N", help="time of this call; default: 8")
    add("--parts", nargs="+", metavar="PART", help="parts to run; default: all")
    batch_help = "papers in a step of the parts that choose it for a GPU; default: %(default)s"
    add("--batch-size", type=whole_number(PROCESSES), default=24, metavar="N", help=batch_help)
    add("--results", type=Path, metavar="FILE", help="add the sections to this file, too, such as RESULTS.md")
    add("--dry-run", action="store_true", help="run each command with two steps and few questions, also on a CPU")
    return command


def main() -> int:
    """Run the campaign; return the exit code."""
    arguments = parser().parse_args()
    gpus = visible_gpus()
    if not gpus and not arguments.dry_run:
        raise InputError("no GPU is visible; start it on a machine with a GPU, or try it by `make gpu-campaign DRY=1`")
    if arguments.results and arguments.dry_run:
        raise InputError(f"--results {arguments.results}: a dry run measures nothing; leave the option out")
    if arguments.batch_size % PROCESSES:
        raise InputError(f"--batch-size {arguments.batch_size}: must be even, since two processes share a step")
    out = arguments.out or Path(f"runs/gpu-campaign{'-dry' if arguments.dry_run else ''}")
    encoders = arguments.models / "all-MiniLM-L6-v2", arguments.models / "wordllama"
    campaign = Campaign(
        out=out,
        model=(out if arguments.dry_run else arguments.models) / BASE,
        encoders=encoders,
        dataset=str(out / "corpus") if arguments.dry_run else arguments.dataset,
        batch_size=arguments.batch_size,
        is_dry=arguments.dry_run,
        has_gpu=bool(gpus),
    )
    parts = {part.name: part for part in campaign.parts()}
    for name in arguments.parts or ():
        if name not in parts:
            raise InputError(f"--parts {name}: no such part; choose from {', '.join(parts)}")
    for encoder in encoders:
        find_encoder("--models", str(encoder))
    if arguments.results:
        read_results(arguments.results)
    make_writable_folder(out)
    if arguments.dry_run:
        write_dry_inputs(out / "corpus", out / BASE)
    find_model("--models", str(campaign.model))
    corpus_revision(campaign.dataset)

    write = sys.stdout.write
    chosen = [parts[name] for name in arguments.parts or parts]
    possible = [part for part in chosen if not gpus or part.processes <= len(gpus)]
    for part in chosen:
        if part not in possible:
            write(f"{part.name}: left out, needs {part.processes} GPUs, and {len(gpus)} is visible\n")
    left = Runner(out, describe_machine(), gpus, arguments.results).run(possible, arguments.minutes * 60)
    write(f"\n{len(possible) - len(left)} of {len(possible)} parts are finished: {out / RESULTS_FILE}\n")
    for name, reason in left.items():
        write(f"{name}: {reason}\n")
    if left:
        write("The same command continues.\n")
    return PARTS_ARE_LEFT if left else 0


def visible_gpus() -> list[str]:
    """Return the GPUs that this process sees, by the names that CUDA_VISIBLE_DEVICES has for them."""
    import torch

    count = torch.cuda.device_count()
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    return chosen.split(",")[:count] if chosen else list(map(str, range(count)))


if __name__ == "__main__":
    with exit_on_input_error():
        sys.exit(main())
