"""The corpus on the Hub: pushed and loaded back by the real clients over HTTP, each in a new process."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from huggingface_hub import DatasetCard

from dataset_builder.corpus.build import build
from dataset_builder.corpus.contamination import count_contamination
from dataset_builder.corpus.report import REPORT_FILE, CorpusReport
from dataset_builder.formats import read_format, write_format
from dataset_builder.hub.changes import PUSHED_FILES_FILE
from tests.cards import stray_table_rows
from tests.conftest import append, contents
from tests.corpus_slice import CORPUS_SLICE
from tests.dataset_builder.corpus.publication.test_teachers_card import manifest
from tests.hub.commands import Commands
from tests.hub.running import WRITER, RunningHub

REPO, API = "lab/isca-qa", "datasets/lab/isca-qa"
SPLITS = ("train", "validation", "test")
TEXTS = {"README.md", "eval.yaml", "report.json", PUSHED_FILES_FILE}
# Loads what its arguments name, repo and revision, by config and split, and streams it if told to; prints all rows.
LOAD = """
import json, sys
from datasets import get_dataset_config_names, load_dataset
repo, revision = sys.argv[1], sys.argv[2] or None
loaded = {}
for name in get_dataset_config_names(repo, revision=revision):
    corpus = load_dataset(repo, name, revision=revision)
    loaded[name] = {split: corpus[split].to_list() for split in corpus}
    if sys.argv[3] == "stream":
        streamed = load_dataset(repo, name, revision=revision, streaming=True)
        assert {split: list(streamed[split]) for split in streamed} == loaded[name]
    assert corpus["train"].features["context"].dtype == "string"
default = load_dataset(repo, split="test", revision=revision).to_list()
print(json.dumps([loaded, default]))
"""


def _rows(folder: Path) -> dict[str, dict[str, list[dict]]]:
    report = json.loads((folder / "report.json").read_text())
    return {
        config: {
            split: pq.read_table(
                folder
                / (config if split == "test" else report["train_teachers"][0])
                / f"{split}-00000-of-00001.parquet"
            ).to_pylist()
            for split in SPLITS
        }
        for config in sorted(report["test_teachers"])
    }


def _load(hub: RunningHub, home: Path, repo: str, revision: str = "") -> list:
    done = hub.run(home, "-c", LOAD, repo, revision, "stream")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def pushed(hub: RunningHub, corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Push the slice's corpus in a new process, tagged; return what the command printed."""
    words = ("dataset_builder", "push", "--dataset", corpus, "--repo-id", REPO, "--contexts", "full")
    done = hub.run(tmp_path_factory.mktemp("home"), "-m", *words, "--tag", "v1.0.0")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_one_commit_holds_everything(hub: RunningHub, pushed: str, corpus: Path) -> None:
    """Train and validation once for both configs, card, benchmark and report, in one commit after the first one."""
    names = ("detailed/train", "detailed/validation", "detailed/test", "plain/test")
    assert hub.files(API).keys() == {f"{name}-00000-of-00001.parquet" for name in names} | TEXTS
    assert [commit["title"] for commit in hub.commits(API)] == ["Push the corpus, contexts: full", "init"]
    assert "Sent 8 files" in pushed
    assert {tag["name"]: tag["targetCommit"] for tag in hub.api(f"/api/{API}/refs")["tags"]} == {
        "v1.0.0": hub.commits(API)[0]["id"]
    }


def test_new_process_loads_every_row(hub: RunningHub, pushed: str, corpus: Path, tmp_path: Path) -> None:
    """Both configs, all splits and the default, downloaded and streamed, by the tag: each row as it was built."""
    loaded, default = _load(hub, tmp_path, REPO, "v1.0.0")
    assert loaded == _rows(corpus)
    assert default == loaded["plain"]["test"]


def test_second_push_makes_no_commit(hub: RunningHub, pushed: str, corpus: Path, commands: Commands) -> None:
    """The same corpus and tag again: nothing is asked of the Hub but what reads."""
    before = hub.commits(API)
    hub.take_requests()
    words = ("push", "--dataset", corpus, "--repo-id", REPO, "--contexts", "full", "--tag", "v1.0.0")
    done = commands.run("dataset_builder", *words)
    assert (done.code, "Everything is there already" in done.output) == (0, True), done.output
    assert {request.split()[0] for request in hub.take_requests()} <= {"GET", "HEAD"}
    assert hub.commits(API) == before


def test_card_on_the_hub_names_the_repo(hub: RunningHub, pushed: str) -> None:
    """The loading snippet and the citation have the pushed name, and the metadata are what the Hub reads."""
    text = hub.text(f"{API}/resolve/main/README.md")
    assert f'load_dataset("{REPO}", "plain")' in text and "ORG/" not in text
    data = hub.api(f"/api/{API}")["cardData"]
    assert (data["license"], data["size_categories"], data["language"]) == ("apache-2.0", "n<1K", "en")
    assert [config["config_name"] for config in data["configs"]] == ["detailed", "plain"]


def test_nothing_names_this_machine(hub: RunningHub, corpus: Path, tmp_path: Path, commands: Commands) -> None:
    """Of a model or encoder in a folder, the published texts have the folder's name. The local report has the path."""
    folder = shutil.copytree(corpus, tmp_path / "corpus")
    here = manifest()
    paths = {
        "model": str(tmp_path / "mine"),
        "teacher": here.teacher.model_copy(update={"model": "data/models/mine"}),
        "checks": here.checks.model_copy(update={"encoder": str(tmp_path / "encoder")}),
    }
    served = {
        "backend": "http",
        "served_model": str(tmp_path / "big"),
        "made_by": [f"a server, as {tmp_path / 'big'}", "a server, as org/big:latest"],
    }
    teachers = {"detailed": here.model_copy(update=paths), "plain": here.model_copy(update=served)}
    report = read_format(CorpusReport, folder / REPORT_FILE, "").model_copy(update={"teachers": teachers})
    write_format(folder / REPORT_FILE, report)
    done = commands.run("dataset_builder", "push", "--dataset", folder, "--repo-id", "lab/paths", "--contexts", "full")
    assert done.code == 0, done.output
    names = [name for name in hub.files("datasets/lab/paths") if not name.endswith(".parquet")]
    texts = {name: hub.text(f"datasets/lab/paths/resolve/main/{name}") for name in names}
    assert texts.keys() == TEXTS
    assert [name for name, text in texts.items() if str(tmp_path) in text or "data/" in text] == []
    published = CorpusReport.model_validate_json(texts[REPORT_FILE]).teachers
    for found in (published["detailed"].model, published["detailed"].teacher.model):
        assert found == "mine"
    assert published["detailed"].checks.encoder == "encoder"
    assert (published["plain"].served_model, published["plain"].made_by) == (
        "big",
        ["a server, as big", "a server, as org/big:latest"],
    )
    assert (published["plain"].model, published["plain"].checks) == (here.model, here.checks)
    assert read_format(CorpusReport, folder / REPORT_FILE, "") == report


def test_benchmark_has_a_task_for_each_config(hub: RunningHub, pushed: str, corpus: Path) -> None:
    """eval.yaml names configs, splits and columns that the corpus has."""
    benchmark = yaml.safe_load(hub.text(f"{API}/resolve/main/eval.yaml"))
    rows = _rows(corpus)
    assert benchmark.keys() == {"name", "description", "evaluation_framework", "tasks"}
    # The keys that the Hub requires of every task, and of a task of Inspect: https://huggingface.co/docs/hub/eval-results
    assert benchmark["evaluation_framework"] == "inspect-ai"
    assert [task["id"] for task in benchmark["tasks"]] == ["plain", "detailed"]
    for task in benchmark["tasks"]:
        assert task.keys() == {"id", "config", "split", "field_spec", "solvers", "scorers"}
        row = rows[task["config"]][task["split"]][0]
        fields = task["field_spec"]
        assert {fields["input"], fields["target"], *fields["metadata"]} <= row.keys()
        template = task["solvers"][0]["args"]["template"]
        assert template.format(prompt="A.", question="Q?").endswith("Abstract: A.\n\nQuestion: Q?\n\nAnswer:")


def test_dry_run_shows_and_sends_nothing(hub: RunningHub, corpus: Path, commands: Commands) -> None:
    """Without a token, on a repo that is not there."""
    hub.take_requests()
    words = ("push", "--dataset", corpus, "--repo-id", "lab/dry", "--contexts", "none", "--dry-run")
    done = commands.run("dataset_builder", *words, token=None)
    assert done.code == 0, done.output
    assert "plain/test-00000-of-00001.parquet" in done.output and "Nothing was sent." in done.output
    assert "The repo does not exist and would be created (public)." in done.output and "The tag" not in done.output
    assert {request.split()[0] for request in hub.take_requests()} == {"GET"}
    done = commands.run("dataset_builder", *words, "--private", "--tag", "v1", token=None)
    assert (
        "The repo does not exist and would be created (private)." in done.output
        and "The tag v1 would be created." in done.output
    )


def test_changed_corpus_replaces_the_old_one_and_keeps_hand_written_parts(
    hub: RunningHub, corpus: Path, sources: Path, tmp_path: Path, commands: Commands
) -> None:
    """Push another corpus over the slice's: its one config replaces both; hand-written text, key and file stay."""
    words = ("--repo-id", "lab/changing", "--contexts", "full")
    assert commands.run("dataset_builder", "push", "--dataset", corpus, *words).code == 0
    person = """
from huggingface_hub import CommitOperationAdd, HfApi, hf_hub_download
card = open(hf_hub_download("lab/changing", "README.md", repo_type="dataset")).read()
card = card.replace("pretty_name: ISCA-QA", "pretty_name: Mine\\nannotations_creators:\\n- someone")
card = card.replace("<!-- isca-qa:begin", "Read this first.\\n\\n<!-- isca-qa:begin") + "\\n## Thanks\\n\\nTo all.\\n"
files = {"README.md": card, "LICENSE": "Mine.", "mine/train-00000-of-00001.parquet": "Mine."}
operations = [CommitOperationAdd(path, text.encode()) for path, text in files.items()]
HfApi().create_commit("lab/changing", operations, commit_message="Mine", repo_type="dataset")
"""
    assert hub.run(tmp_path / "person", "-c", person).returncode == 0
    build(sources / "papers", sources / "qa", ["t"], ["u"], sources / "corpus", "apache-2.0")
    done = commands.run("dataset_builder", "push", "--dataset", sources / "corpus", *words)
    assert done.code == 0, done.output
    api = "datasets/lab/changing"
    parquet = {f"{name}-00000-of-00001.parquet" for name in ("t/train", "t/validation", "u/test")}
    mine = {"LICENSE", "mine/train-00000-of-00001.parquet"}
    assert hub.files(api).keys() == parquet | mine | TEXTS
    text = hub.text(f"{api}/resolve/main/README.md")
    data = DatasetCard(text).data.to_dict()
    assert (data["annotations_creators"], data["pretty_name"]) == (["someone"], "ISCA-QA")
    assert text.index("Read this first.") < text.index("# ISCA-QA") < text.index("## Thanks\n\nTo all.")
    assert "plain" not in text
    assert _load(hub, tmp_path / "home", "lab/changing")[0] == _rows(sources / "corpus")
    commits = hub.commits(api)
    assert commands.run("dataset_builder", "push", "--dataset", sources / "corpus", *words).code == 0
    assert hub.commits(api) == commits


@pytest.mark.parametrize("card", [None, "# Mine"])
def test_repo_of_another_origin_is_refused(
    hub: RunningHub, corpus: Path, tmp_path: Path, commands: Commands, card: str | None
) -> None:
    """Its files look like those of a corpus; with and without a card, nothing is removed or sent."""
    repo = f"lab/foreign-{'with-card' if card else 'bare'}"
    person = """
import json, sys
from huggingface_hub import CommitOperationAdd, HfApi
HfApi().create_repo(sys.argv[1], repo_type="dataset")
operations = [CommitOperationAdd(path, text.encode()) for path, text in json.loads(sys.argv[2]).items()]
HfApi().create_commit(sys.argv[1], operations, commit_message="Mine", repo_type="dataset")
"""
    files = {"data/train-00000-of-00001.parquet": "Mine.", "report.json": "{}"} | ({"README.md": card} if card else {})
    assert hub.run(tmp_path, "-c", person, repo, json.dumps(files)).returncode == 0
    before = hub.commits(f"datasets/{repo}")
    done = commands.run("dataset_builder", "push", "--dataset", corpus, "--repo-id", repo, "--contexts", "full")
    problem = "the repo has files that this project did not push, such as data/train-00000-of-00001.parquet"
    assert (done.code, problem in done.output) == (2, True), done.output
    assert hub.commits(f"datasets/{repo}") == before


def test_tag_does_not_move(hub: RunningHub, pushed: str, corpus: Path, commands: Commands) -> None:
    """Other contents under a tag that is there: refused before anything is sent."""
    before = hub.commits(API)
    words = ("push", "--dataset", corpus, "--repo-id", REPO, "--contexts", "none", "--tag", "v1.0.0")
    done = commands.run("dataset_builder", *words)
    assert done.code == 2 and "already has this tag" in done.output and "choose a new tag" in done.output
    assert hub.commits(API) == before


def test_push_without_contexts_says_where_the_abstracts_still_are(
    hub: RunningHub, corpus: Path, commands: Commands
) -> None:
    """After a push with contexts, under a tag; not after pushes without them only."""
    words = ("push", "--dataset", corpus, "--repo-id", "lab/history", "--contexts")
    warning = "earlier commits of lab/history still hold the abstracts"
    done = commands.run("dataset_builder", *words, "none")
    assert (done.code, warning in done.output) == (0, False), done.output
    assert commands.run("dataset_builder", *words, "full", "--tag", "v1").code == 0
    for option in (("--dry-run",), ()):
        done = commands.run("dataset_builder", *words, "none", *option)
        assert (done.code, warning in done.output) == (0, True), done.output
        assert "delete the tags v1 " in done.output and "super_squash_history" in done.output


def test_without_contexts_and_back(hub: RunningHub, corpus: Path, tmp_path: Path, commands: Commands) -> None:
    """Null on the Hub, hashes kept, no abstract in the card; hydrated, the rows and the revision of before."""
    before = contents(corpus)
    words = ("push", "--dataset", corpus, "--repo-id", "lab/bare", "--contexts", "none")
    assert commands.run("dataset_builder", *words).code == 0
    assert contents(corpus) == before
    loaded = _load(hub, tmp_path / "home", "lab/bare")[0]
    rows = _rows(corpus)
    emptied = {
        config: {split: [row | {"context": None} for row in of_split] for split, of_split in splits.items()}
        for config, splits in rows.items()
    }
    assert loaded == emptied
    text = hub.text("datasets/lab/bare/resolve/main/README.md")
    assert "hydrate --repo-id lab/bare" in text
    assert not any(row["context"][:60] in text for row in rows["plain"]["train"])
    assert stray_table_rows(text) == []

    out = tmp_path / "hydrated"
    papers = CORPUS_SLICE / "papers"
    done = commands.run("dataset_builder", "hydrate", "--repo-id", "lab/bare", "--papers", papers, "--out", out)
    assert (done.code, "Papers matched: 48" in done.output) == (0, True), done.output
    assert _rows(out) == rows
    reports = [json.loads((folder / "report.json").read_text()) for folder in (out, corpus)]
    assert reports[0] == reports[1]


def test_hydrating_from_other_abstracts_says_which(
    hub: RunningHub, corpus: Path, tmp_path: Path, commands: Commands
) -> None:
    """One abstract differs and one is missing, of papers with 3 training pairs each: 6 pairs less."""
    words = ("push", "--dataset", corpus, "--repo-id", "lab/bare2", "--contexts", "none")
    assert commands.run("dataset_builder", *words).code == 0
    papers = shutil.copytree(CORPUS_SLICE / "papers", tmp_path / "papers")
    for year, change in ((2005, {"abstract": "Another."}), (2006, {"abstract": None})):
        path = papers / f"isca_{year}.jsonl"
        paper = json.loads(path.read_text())
        path.unlink()
        append(path, paper | change)
    out = tmp_path / "hydrated"
    done = commands.run("dataset_builder", "hydrate", "--repo-id", "lab/bare2", "--papers", papers, "--out", out)
    assert done.code == 3, done.output
    for line in ("Papers matched: 46", "Papers missing: 1", "Papers different: 1"):
        assert line in done.output
    assert "10.1109/" in done.output and "--retry-missing" in done.output
    rows = _rows(out)
    assert (len(rows["plain"]["train"]), len(rows["detailed"]["train"])) == (78, 78)
    kept = 78 + len(rows["plain"]["validation"]) + sum(len(rows[config]["test"]) for config in ("plain", "detailed"))
    assert f"{kept} kept, 6 left out" in done.output
    report = json.loads((out / "report.json").read_text())
    assert report["configs"]["plain"]["train"]["pairs"] == 78
    # The counts are the same as in a corpus that is built from the remaining rows.
    assert report["contamination"]["plain"]["answers"] == dict(
        count_contamination(*([row["answer"] for row in rows["plain"][split]] for split in ("test", "train")))
    )
    assert report["papers_left_out_by_hydration"] == 2
    assert "for 2\n   papers. Their pairs are left out" in (out / "README.md").read_text()
    from datasets import load_dataset

    assert len(load_dataset(str(out), "plain", split="train", cache_dir=tmp_path / "cache")) == 78


def test_hydrating_what_has_its_contexts_is_refused(
    hub: RunningHub, pushed: str, tmp_path: Path, commands: Commands
) -> None:
    """There is nothing to put in, and nothing is written."""
    papers = CORPUS_SLICE / "papers"
    done = commands.run("dataset_builder", "hydrate", "--repo-id", REPO, "--papers", papers, "--out", tmp_path / "out")
    assert done.code == 2 and "has its contexts" in done.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("break_it", "complaint"),
    [
        (lambda rows: [replace(row, context="Other.") for row in rows], "does not have its hash"),
        (lambda rows: rows[1:], "but report.json counts 40"),
    ],
)
def test_corpus_that_is_not_what_it_says_is_refused(
    hub: RunningHub, corpus: Path, tmp_path: Path, commands: Commands, break_it: Callable, complaint: str
) -> None:
    """Before the Hub is asked anything."""
    from dataset_builder.corpus.rows import read_rows
    from dataset_builder.corpus.split_files import write_split

    broken = shutil.copytree(corpus, tmp_path / "corpus")
    path = broken / "plain/test-00000-of-00001.parquet"
    write_split(path, break_it(read_rows(path)))
    hub.take_requests()
    done = commands.run(
        "dataset_builder", "push", "--dataset", broken, "--repo-id", "lab/broken", "--contexts", "full"
    )
    assert done.code == 2 and complaint in done.output
    assert hub.take_requests() == []


def test_nothing_shows_the_token(hub: RunningHub, corpus: Path, tmp_path: Path) -> None:
    """At the client's highest verbosity, in what is printed and in every file that is left, on the Hub as here."""
    words = ("dataset_builder", "push", "--dataset", corpus, "--repo-id", "lab/secret", "--contexts", "full")
    done = hub.run(tmp_path / "home", "-m", *words, HF_DEBUG="1", HF_HUB_VERBOSITY="debug")
    assert done.returncode == 0, done.stderr
    assert "preupload" in done.stderr, "the client tells of no requests: this test would see nothing"
    assert WRITER not in done.stdout + done.stderr
    for folder in (tmp_path, hub.root, corpus):
        for name, content in contents(folder).items():
            assert WRITER.encode() not in content, name


def test_failed_push_shows_no_token(hub: RunningHub, corpus: Path, tmp_path: Path) -> None:
    """The same when the commit is refused."""
    hub.orders({"method": "POST", "path": "/commit/main$", "times": 9, "status": 503})
    words = ("dataset_builder", "push", "--dataset", corpus, "--repo-id", "lab/secret2", "--contexts", "full")
    done = hub.run(tmp_path, "-m", *words, HF_DEBUG="1", HF_HUB_VERBOSITY="debug")
    hub.orders()
    assert done.returncode == 2 and "preupload" in done.stderr
    assert WRITER not in done.stdout + done.stderr
    for name, content in contents(tmp_path).items():
        assert WRITER.encode() not in content, name
