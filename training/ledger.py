"""Train and score a list of recipes on one corpus, and record a line for each, with its differences from LoRA.

    python -m training.ledger --runs runs/reproduce --recipes full lora neftune dft best-of-n dpo grpo mbr

A recipe that has a line is left out. So the same command continues, also on another machine, which needs no model of
the finished lines: it trains LoRA again, and compares the recipes that are left with that adapter. With `--collect`,
the lines come from a finished evaluation, and nothing is trained or answered.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from dataset_builder.command import run_stage, stage_parser, whole_number
from dataset_builder.corpus.load import corpus_revision
from dataset_builder.errors import InputError
from dataset_builder.files import exclusive_lock, make_writable_folder
from dataset_builder.formats import write_format
from dataset_builder.models.folders import find_encoder
from dataset_builder.verification.load import find_verifier
from eval.analysis.ledger import LINE_FILE, LedgerLine, read_ledger, write_ledger
from eval.analysis.scores import SCORES_FILE, read_scores
from eval.metrics.lexical import HEADLINE
from training import align, dpo, sft
from training.comparison.line import collect_line, recipe_sha256
from training.comparison.recipes import CONTINUE, LORA, MBR, STAGES, ComparedRuns
from training.run.process import run_process

RECIPES = Path(__file__).parent / "recipes"
# By stage, what reads its recipe, and refuses keys that do not fit.
STAGE_RECIPES: dict[str, Callable[[list[str]], object]] = {
    "training.sft": sft.read_recipe,
    "training.dpo": dpo.read_recipe,
    "training.align": align.read_recipe,
}
ENCODERS = ("data/models/all-MiniLM-L6-v2", "data/models/wordllama")


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add = command.add_argument
    recipes_help = f"recipes to record: {', '.join(STAGES)}; default: all, with --collect all that were evaluated"
    add("--recipes", nargs="+", choices=STAGES, metavar="RECIPE", help=recipes_help)
    base_help = "base model: the first part of the names of recipes and runs; default: %(default)s"
    add("--base", default="smollm2", metavar="NAME", help=base_help)
    folder_help = "folder of the recipes BASE-RECIPE.yaml; default: the recipes of this project"
    add("--recipe-folder", type=Path, default=RECIPES, metavar="DIR", help=folder_help)
    runs_help = "folder of the runs BASE-RECIPE and of the evaluation; finished runs are used; default: %(default)s"
    add("--runs", type=Path, default=Path("runs/reproduce"), metavar="DIR", help=runs_help)
    add("--dataset", default="data/corpus", metavar="CORPUS", help="corpus folder or Hub id; default: %(default)s")
    configs_help = "corpus configs whose test questions to answer; default: plain detailed"
    add("--configs", nargs="+", default=["plain", "detailed"], metavar="CONFIG", help=configs_help)
    encoders_help = "two sentence encoders, of which the first is used in training; default: the packaged ones"
    add("--encoders", nargs=2, default=ENCODERS, metavar="ENCODER", help=encoders_help)
    verifier_help = "verifier for the share of answers that the abstract supports, folder or Hub id; default: none"
    add("--verifier", metavar="DIR", help=verifier_help)
    questions_help = "answer a fixed random sample of N questions of each config; default: all questions"
    add("--questions", type=whole_number(1), metavar="N", help=questions_help)
    add("--seed", type=int, metavar="N", help="seed of the trainings; default: as in the recipes")
    collect_help = "folder of a finished `eval run` with the systems lora and RECIPE: take the lines from there"
    add("--collect", type=Path, metavar="DIR", help=collect_help)
    out_help = "file of the lines; default: %(default)s"
    add("--out", type=Path, default=Path("results/ledger.jsonl"), metavar="FILE", help=out_help)
    command.add_argument_group(
        "recipe keys", "--KEY VALUE overrides a key of all recipes, which the lines record: --num_train_epochs 1"
    )
    command.set_defaults(recipe_keys=[])


def run_command(arguments: argparse.Namespace) -> None:
    """Record the lines that are missing. Raises `InputError` before any training for lines of other conditions."""
    runs = ComparedRuns(
        folder=arguments.runs,
        base=arguments.base,
        recipes=arguments.recipe_folder,
        dataset=arguments.dataset,
        encoder=arguments.encoders[0],
        seed=arguments.seed,
        other_keys=arguments.recipe_keys,
    )
    evaluation: Path = arguments.collect or arguments.runs / "ledger"
    recipes = [name for name in STAGES if name in (arguments.recipes or STAGES)]
    if arguments.collect:
        if arguments.recipe_keys:
            raise InputError(f"{arguments.recipe_keys[0]}: --collect trains nothing; leave the option out")
        scores = read_scores(evaluation / SCORES_FILE)
        configs = list(next(iter(scores.systems.values())).configs)
        used = scores.verifier.sha256 if scores.verifier else None
        conditions = Conditions(scores.revision, configs, scores.encoders, scores.sampled_questions, used)
        recipes = [name for name in recipes if arguments.recipes or name in scores.systems]
    else:
        encoders = [find_encoder("--encoders", encoder).label for encoder in arguments.encoders]
        verifier = find_verifier("--verifier", arguments.verifier) if arguments.verifier else None
        used = verifier.folder.fingerprint if verifier else None
        revision = corpus_revision(arguments.dataset)
        conditions = Conditions(revision, arguments.configs, encoders, arguments.questions, used)
    if len(conditions.encoders) < 2:
        raise InputError(f"{evaluation}: was scored by one encoder; evaluate again with two --encoders")
    check_conditions(read_ledger(arguments.out), conditions, arguments.out)
    recorded = [name for name in recipes if has_line(arguments.out, runs, name)]
    if not arguments.collect:
        # Check all recipes now, not after hours of training.
        for name in recipes:
            if name not in recorded:
                for stage, words in runs.trainings(name).values():
                    STAGE_RECIPES[stage](words)
    console = Console()
    if recorded:
        console.print(f"{arguments.out} has the lines of {', '.join(recorded)}", soft_wrap=True)
    for folder in (arguments.out.parent, *([] if arguments.collect else [arguments.runs])):
        make_writable_folder(folder)
    with nullcontext() if arguments.collect else exclusive_lock(arguments.runs):
        for number, name in enumerate(recipes):
            if name in recorded:
                continue
            if not arguments.collect:
                runs.train(name)
                evaluate(arguments, runs, recipes[: number + 1], evaluation)
            line = collect_line(evaluation, name, runs)
            if name != MBR:
                write_format(runs.run_folder(name) / LINE_FILE, line)
            write_ledger(arguments.out, [*read_ledger(arguments.out), line])
            console.print(describe(line), soft_wrap=True)


@dataclass(frozen=True)
class Conditions:
    """What all lines of a ledger have in common. `questions` is the size of a sample for each config, None for all."""

    revision: str
    configs: Sequence[str]
    encoders: Sequence[str]
    questions: int | None
    verifier_sha256: str | None


def check_conditions(lines: Sequence[LedgerLine], conditions: Conditions, out: Path) -> None:
    """Raise `InputError` if the ledger has a line that was measured under other conditions."""
    for line in lines:
        # A sample that is larger than the test split is all questions.
        largest = max(measures[HEADLINE].n for measures in line.configs.values())
        questions = conditions.questions
        if line.sampled_questions is None and questions is not None and questions >= largest:
            questions = None
        for title, recorded, now in (
            ("the corpus", line.corpus_revision, conditions.revision),
            ("the configs", " ".join(sorted(line.configs)), " ".join(sorted(conditions.configs))),
            ("the encoders", ", ".join(line.encoders[:2]), ", ".join(conditions.encoders[:2])),
            ("the verifier", line.verifier_sha256 or "none", conditions.verifier_sha256 or "none"),
            ("the sample of", line.sampled_questions or "all questions", questions or "all questions"),
        ):
            if recorded != now:
                problem = f"its line of {line.recipe} is on {title} {recorded}, and the new ones on {now}"
                raise InputError(f"{out}: {problem}; choose another file by --out")


def has_line(out: Path, runs: ComparedRuns, name: str) -> bool:
    """Return whether the ledger has the line of a recipe; raises `InputError` if it was made by an older recipe."""
    digest = recipe_sha256(runs.read_recipe(name), runs.mbr_sampling() if name == MBR else None)
    for line in read_ledger(out):
        if (line.recipe, line.base, line.seed) == (name, runs.base, runs.seed_of(name)):
            if line.recipe_sha256 != digest:
                changed = f"{runs.recipe_file(name)} has changed since"
                raise InputError(f"{out}: has a line of {name}, but {changed}; remove the line to train again")
            return True
    return False


def evaluate(arguments: argparse.Namespace, runs: ComparedRuns, recipes: Sequence[str], out: Path) -> None:
    """Answer and score by LoRA and by those of the recipes that are trained on this machine."""
    systems = [LORA, *(name for name in recipes if name != LORA and runs.is_trained(name))]
    models = [f"{name}={runs.run_folder(name)}{',decoding=mbr' if name == MBR else ''}" for name in systems]
    sampling = runs.mbr_sampling()
    command = [
        *("eval", "run", "--dataset", arguments.dataset, "--configs", *arguments.configs, "--models", *models),
        *("--encoders", *arguments.encoders, "--out", out, "--samples", sampling.samples),
        *("--temperature", sampling.temperature, "--seed", sampling.seed),
        *(("--verifier", arguments.verifier) if arguments.verifier else ()),
        *(("--questions", arguments.questions) if arguments.questions else ()),
    ]
    run_process(command, f"{out}: the evaluation stopped, see the message above; {CONTINUE}")


def describe(line: LedgerLine) -> str:
    """Return one sentence on a line: its similarity, its difference from LoRA, and the confirmed share."""
    parts = []
    for config, measures in line.configs.items():
        score = measures[HEADLINE]
        difference = f" ({score.difference.mean:+.3f})" if score.difference else ""
        parts.append(f"{score.mean:.3f}{difference} in {config}")
    share = ""
    if line.confirmed_share is not None:
        share = f"; other measures confirm {line.confirmed_share * 100:.0f} % of the gain"
    return f"{line.recipe}: similarity {', '.join(parts)}{share}"


if __name__ == "__main__":
    run_stage(stage_parser(sys.modules[__name__]))
