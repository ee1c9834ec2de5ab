"""The ledger on the tiny model: recipes are trained, scored and recorded once, and collected from an evaluation."""

from __future__ import annotations

import importlib
import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import yaml

from dataset_builder.command import stage_parser
from dataset_builder.corpus.build import build
from dataset_builder.errors import InputError
from dataset_builder.formats import read_format, write_format
from dataset_builder.models.folders import find_model
from eval.__main__ import parser as eval_parser
from eval.analysis.ledger import LedgerLine, read_ledger, read_line_of_run, write_ledger
from eval.run_metrics import RunMetrics, read_run_metrics
from tests.conftest import REPOSITORY
from tests.small_sources import append, write_sources
from training import ledger
from training.comparison.line import used_measures
from training.comparison.recipes import ComparedRuns
from training.run.folder import RunInputs
from training.run.process import run_process

RECIPES = ("lora", "dpo", "mbr")


class Project:
    """A folder with recipes of the tiny model, a small corpus and encoders, and the stages that a ledger ran there."""

    def __init__(self, folder: Path, base: Path, encoders: Sequence[Path]) -> None:
        self.folder = folder
        self.ran: list[str] = []
        self.runs = folder / "runs"
        write_sources(folder)
        # An answer with a number, so that the measure applies.
        pair = {"paper_id": "10.1/test", "teacher": "u", "question": "How many caches?", "answer": "It has 12 caches."}
        append(folder / "qa/u/isca_2023.jsonl", pair)
        build(folder / "papers", folder / "qa", "t", ["u"], folder / "corpus", "apache-2.0")
        (folder / "recipes").mkdir()
        for name in ("full", "lora", "dpo", "best-of-n"):
            source = REPOSITORY / f"tests/recipes/tiny-{'lora' if name == 'best-of-n' else name}.yaml"
            keys = yaml.safe_load(source.read_text())
            changes = {"model_name_or_path": str(base), "validation_questions": 1, "warmup_steps": 0}
            changes |= {"dataset": "data/best-of-4"} if name == "best-of-n" else {}
            (folder / f"recipes/tiny-{name}.yaml").write_text(yaml.safe_dump(keys | changes))
        self.encoders = encoders

    def run(self, *words: object) -> list[LedgerLine]:
        """Run `training.ledger` in this process, and return the lines of the ledger."""
        given = ["--base", "tiny", "--recipe-folder", self.folder / "recipes", "--runs", self.runs, "--configs", "u"]
        given += ["--dataset", self.folder / "corpus", "--encoders", *self.encoders, "--out", self.out, *words]
        arguments, recipe_keys = stage_parser(ledger).parse_known_args(list(map(str, given)))
        arguments.recipe_keys = recipe_keys
        self.ran.clear()
        ledger.run_command(arguments)
        return read_ledger(self.out)

    @property
    def out(self) -> Path:
        """Return the file of the ledger."""
        return self.folder / "ledger.jsonl"

    def run_stage(self, words: Sequence[object], failure: str) -> None:
        """Run a stage here in place of a process, which would load all libraries again."""
        module, *rest = map(str, words)
        self.ran.append(module)
        if module == "eval":
            arguments = eval_parser().parse_args(rest)
            arguments.run_command(arguments)
        else:
            importlib.import_module(module).main([*rest, "--disable_tqdm=true"])


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, ending_base: Path, packaged_models: Path) -> Iterator[Project]:
    """Return a project with a ledger of three recipes."""
    encoders = [packaged_models / name for name in ("all-MiniLM-L6-v2", "wordllama")]
    made = Project(tmp_path_factory.mktemp("ledger"), ending_base, encoders)
    with pytest.MonkeyPatch.context() as patch:
        for module in ("training.ledger", "training.comparison.recipes"):
            patch.setattr(f"{module}.run_process", made.run_stage)
        made.run("--recipes", *RECIPES, "--max_steps", 1)
        yield made


def test_lines_have_every_measure_and_its_difference_from_lora(project: Project) -> None:
    """The mean of the paired differences is the difference of the means; LoRA is compared with nothing."""
    lora, *others = lines = read_ledger(project.out)
    assert [line.recipe for line in lines] == list(RECIPES)
    measures = ["cosine_similarity", "cosine_similarity_2", "rouge_l", "token_f1", "number_match", "length_ratio"]
    assert all(list(line.configs["u"]) == measures for line in lines)
    assert {score.difference for score in lora.configs["u"].values()} == {None}
    assert lora.confirmed_share is None
    for line in others:
        for measure, score in line.configs["u"].items():
            assert score.difference is not None
            expected = score.mean - lora.configs["u"][measure].mean
            assert score.difference.mean == pytest.approx(expected, abs=2e-6)
        assert line.lora_sha256 == lora.model_sha256
    # Sampled answers are other answers.
    assert abs(others[-1].configs["u"]["cosine_similarity"].difference.mean) > 1e-4


def test_lines_say_what_was_trained(project: Project) -> None:
    """From LoRA's adapter, by which measures, with which keys, by which code, and for how long."""
    lora, dpo, mbr = read_ledger(project.out)
    assert read_run_metrics(project.runs / "tiny-dpo").adapter == str(project.runs / "tiny-lora")
    assert lora.used_measures == mbr.used_measures == ["cosine_similarity"]
    assert dpo.used_measures == ["cosine_similarity", "number_match", "length_ratio"]
    assert lora.changed_keys == dpo.changed_keys == mbr.changed_keys == {"max_steps": 1}
    assert lora.environment.commit is not None
    assert mbr.training_minutes is None and mbr.model_sha256 == lora.model_sha256
    assert dpo.training_minutes == round(read_run_metrics(project.runs / "tiny-dpo").train_seconds / 60, 2)
    assert str(project.folder) not in project.out.read_text()
    assert read_line_of_run(find_model("dpo", str(project.runs / "tiny-dpo"))) == dpo
    other = dpo.model_copy(update={"model_sha256": "0"})
    assert lora.model_sha256 != dpo.model_sha256
    write_format(project.runs / "tiny-dpo/ledger.json", other)
    assert read_line_of_run(find_model("dpo", str(project.runs / "tiny-dpo"))) is None


def test_finished_lines_need_no_models(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing runs twice. Without the runs, LoRA and the new recipe are trained, and the lines are kept.

    Interrupted before the evaluation, the same command does not train again.
    """
    before = read_ledger(project.out)
    assert project.run("--recipes", *RECIPES) == before
    assert project.ran == []
    monkeypatch.setattr(project, "runs", tmp_path / "elsewhere")

    def interrupted(words: Sequence[object], failure: str) -> None:
        raise KeyboardInterrupt

    try:
        words = ("--recipes", *RECIPES, "full", "--max_steps", 2)
        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr("training.ledger.run_process", interrupted)
            project.run(*words)
        assert project.ran == ["training.sft", "training.sft"]
        assert read_ledger(project.out) == before
        lines = project.run(*words)
        assert project.ran == ["eval"]
        assert lines[:-1] == before
        assert (lines[-1].recipe, lines[-1].changed_keys) == ("full", {"max_steps": 2})
        scored = json.loads((tmp_path / "elsewhere/ledger/scores.json").read_text())["systems"]
        assert list(scored) == ["lora", "full"]
        assert lines[-1].lora_sha256 == scored["lora"]["sha256"]
    finally:
        write_ledger(project.out, before)


def test_lines_are_collected_from_an_evaluation(project: Project) -> None:
    """The same lines again, in the order of the list."""
    recorded = read_ledger(project.out)
    project.out.unlink()
    try:
        assert project.run("--collect", project.runs / "ledger") == recorded
        assert project.ran == []
    finally:
        write_ledger(project.out, recorded)


def test_confirmed_share_is_that_of_the_measures_that_took_no_part(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is computed for every line except LoRA's, from the measures that the line names as used."""
    recorded, calls = read_ledger(project.out), []
    monkeypatch.setattr("training.comparison.line.confirmed_share", lambda _, used: calls.append(used) or 0.25)
    project.out.unlink()
    try:
        lora, *others = project.run("--collect", project.runs / "ledger")
    finally:
        write_ledger(project.out, recorded)
    assert lora.confirmed_share is None
    assert [line.confirmed_share for line in others] == [0.25] * len(others)
    assert calls == [line.used_measures for line in others]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--questions", "2"],
            r"line of lora is on the sample of all questions, and the new ones on 2; choose",
        ),
        (["--verifier", "{verifier}"], r"line of lora is on the verifier none, and the new ones on [0-9a-f]{64}"),
        (["--configs", "u", "v"], r"line of lora is on the configs u, and the new ones on u v; choose"),
        (["--recipes", "full", "--packing", "true"], r"^packing True: this project makes the rows"),
        (["--recipes", "grpo"], r"tiny-grpo\.yaml: cannot be read as YAML"),
        (["--encoders", "{second}", "{first}"], r"line of lora is on the encoders .*MiniLM"),
        (["--collect", "{runs}/ledger", "--recipes", "full"], r"scores\.json: has no system 'full' with the plain"),
        (["--collect", "{runs}/ledger", "--seed", "5"], r"tiny-lora: was trained with seed 0; pass --seed 0"),
        (["--collect", "{runs}/ledger", "--max_steps", "1"], r"--max_steps: --collect trains nothing"),
    ],
)
def test_wrong_input_is_refused(project: Project, verifier: Path, words: list[str], message: str) -> None:
    """Before anything is trained or written."""
    before = project.out.read_bytes()
    first, second = project.encoders
    with pytest.raises(InputError, match=message):
        names = {"runs": project.runs, "first": first, "second": second, "verifier": verifier}
        project.run(*(word.format(**names) for word in words))
    assert project.ran == []
    assert project.out.read_bytes() == before


def test_sample_of_more_questions_than_there_are_is_all_questions(project: Project) -> None:
    """The command that made such a line continues it."""
    before = project.out.read_bytes()
    project.run("--recipes", *RECIPES, "--questions", "1000")
    assert project.ran == []
    assert project.out.read_bytes() == before


def test_a_changed_recipe_corpus_or_model_is_refused(project: Project) -> None:
    """A line of the older recipe must be removed; a changed answer does not fit the scores."""
    lines = read_ledger(project.out)

    def refused(message: str, *words: object) -> None:
        with pytest.raises(InputError, match=message):
            project.run(*words)
        assert project.ran == []

    try:
        write_ledger(project.out, [lines[0].model_copy(update={"recipe_sha256": "0"})])
        refused(r"has a line of lora, but .*tiny-lora\.yaml has changed since; remove the line")
        write_ledger(project.out, [lines[0].model_copy(update={"corpus_revision": "other"})])
        refused(r"line of lora is on the corpus other, and the new ones on sha256")
        collect = ("--collect", project.runs / "ledger", "--recipes", "dpo")
        write_ledger(project.out, lines[:1])
        predictions = project.runs / "ledger/predictions"
        kept = (predictions / "u.dpo.parquet").read_bytes()
        shutil.copy(predictions / "u.mbr.parquet", predictions / "u.dpo.parquet")
        refused(r"u\.dpo\.parquet: has other answers than scores\.json", *collect)
        (predictions / "u.dpo.parquet").write_bytes(kept)
        scores = project.runs / "ledger/scores.json"
        text = scores.read_text()
        evaluated = json.loads(text)
        scores.write_text(json.dumps(evaluated | {"encoders": evaluated["encoders"][::-1]}))
        write_ledger(project.out, [])
        refused(r"tiny-dpo was trained with .*, which is not the first encoder; evaluate with --encoders", *collect)
        evaluated["systems"]["mbr"]["decoding"]["samples"] = 3
        scores.write_text(json.dumps(evaluated))
        refused(r"its system 'mbr' was not sampled by samples=16 ", *collect[:2], "--recipes", "mbr")
        scores.write_text(text)
        write_ledger(project.out, lines[:1])
        config = project.runs / "tiny-dpo/tokenizer_config.json"
        text = config.read_text()
        config.write_text(f"{text} ")
        refused(r"tiny-dpo: is not the model that was evaluated as 'dpo'", *collect)
        config.write_text(text)
        inputs = read_format(RunInputs, project.runs / "tiny-dpo/inputs.json", "")
        # As in a run of best of n, whose epoch an encoder chose.
        chosen = inputs.model_copy(update={"judges_sha256": ["0"]})
        write_format(project.runs / "tiny-dpo/inputs.json", chosen)
        refused(r"tiny-dpo: another encoder than .*MiniLM.* ranked its sampled answers; sample them again", *collect)
        write_format(project.runs / "tiny-dpo/inputs.json", inputs)
    finally:
        write_ledger(project.out, lines)


def test_verifier_of_the_ranking_takes_part(project: Project) -> None:
    """Another verifier, trained with another seed for example, does not."""
    metrics = read_run_metrics(project.runs / "tiny-dpo")
    assert metrics.samples is not None
    ranked = metrics.samples.model_copy(update={"verifier_sha256": "one", "measures": ["similarity", "support"]})
    metrics = metrics.model_copy(update={"samples": ranked})
    assert used_measures(metrics, "one") == ["cosine_similarity", "supported"]
    assert used_measures(metrics, "another") == ["cosine_similarity"]
    grpo: RunMetrics = metrics.model_copy(update={"samples": None, "method": "grpo"})
    assert used_measures(grpo, "one") == ["cosine_similarity", "number_match", "length_ratio"]
    assert "supported" in used_measures(grpo, "one", is_support_rewarded=True)
    best = metrics.model_copy(update={"samples": None, "method": "lora", "dataset": str(project.runs / "best-of-3")})
    assert used_measures(best, None) == ["cosine_similarity", "number_match", "length_ratio"]


def test_best_of_n_and_grpo_start_from_lora(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """LoRA is trained already; best of n trains on answers that are sampled from it."""
    ran: list[str] = []

    def record(words: Sequence[object], failure: str) -> None:
        ran.append(" ".join(map(str, words)))

    monkeypatch.setattr("training.comparison.recipes.run_process", record)
    recipes, lora = project.folder / "recipes", project.runs / "tiny-lora"
    shutil.copy(REPOSITORY / "tests/recipes/tiny-grpo.yaml", recipes)
    runs = ComparedRuns(project.runs, "tiny", recipes, "corpus", "encoder", None, ["--max_steps", "1"])
    runs.train("best-of-n")
    runs.train("grpo")
    (recipes / "tiny-grpo.yaml").unlink()
    samples = project.runs / "best-of-4"
    assert ran == [
        f"training.best_of_n --model {lora} --dataset corpus --out {samples} --encoder encoder --seed 0",
        f"training.sft --config {recipes}/tiny-best-of-n.yaml --max_steps 1 --dataset={samples} --encoder=encoder "
        f"--output_dir={project.runs}/tiny-best-of-n --seed=0",
        f"training.align --config {recipes}/tiny-grpo.yaml --max_steps 1 --dataset=corpus --encoder=encoder "
        f"--output_dir={project.runs}/tiny-grpo --seed=0 --model_name_or_path={lora}",
    ]


def test_a_stage_that_fails_ends_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    """With the message that was given: 2 if the stage refused its input, else 1, as for a training that stopped."""
    run_process(["this"], "failed")
    with pytest.raises(InputError, match="training stopped"):
        run_process(["training.sft", "--no-such-key", "1"], "training stopped")
    with pytest.raises(SystemExit) as stopped:
        run_process(["no_such_module"], "training stopped")
    assert stopped.value.code == 1
    assert "error: training stopped" in capsys.readouterr().err
