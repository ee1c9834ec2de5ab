"""A teacher in this process: seeds, grammar, resume, two processes, and the packaged model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from dataset_builder.corpus.manifest import Manifest, read_manifest
from dataset_builder.corpus.papers import read_papers
from dataset_builder.errors import InputError
from dataset_builder.generate.backends.constrained import Grammar, SeededRows
from dataset_builder.generate.backends.in_process import (
    TOO_LONG,
    BatchGenerator,
    TransformersBackend,
    load_tokenizer,
)
from dataset_builder.generate.responses import Request, derive_seed
from dataset_builder.generate.run import generate
from dataset_builder.generate.schema import parse_response
from dataset_builder.grounding.check import THRESHOLD
from dataset_builder.teachers.teacher import Limits, Sampling, Teacher, longest_response_tokens, read_teacher
from tests.conftest import append, contents
from tests.corpus_slice import CORPUS_SLICE

PAPERS = [paper for paper in read_papers(CORPUS_SLICE / "papers") if paper.year >= 2022]
LIMITS = Limits(least_pairs=2, most_pairs=3, question_characters=20, answer_characters=30, new_tokens=450, attempts=2)
ALL_TOKENS = Sampling(temperature=1.0, top_p=1.0)

# A new teacher is this file.
TEACHER = """
model: {model}
license: apache-2.0
sampling:
  temperature: 1.0
  top_p: 0.95
limits:
  answer_characters: 30
  attempts: 2
  least_pairs: 2
  most_pairs: 3
  new_tokens: 450
  question_characters: 20
prompt: |
  {{{{ title }}}}
  {{{{ abstract }}}}
  Write {{{{ least }}}} to {{{{ most }}}} pairs.
"""


@pytest.fixture(scope="module")
def ninth(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the YAML file of a teacher whose model is a GPT-2 of random weights."""
    from tests.tiny import write_tiny_gpt2

    folder = tmp_path_factory.mktemp("teacher")
    model = write_tiny_gpt2(folder / "model", CORPUS_SLICE, positions=1500)
    (folder / "ninth.yaml").write_text(TEACHER.format(model=model))
    return folder / "ninth.yaml"


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory, ninth: Path, encoder: Path) -> Path:
    """Return the folder of the ninth teacher's run on the slice's papers of 2022 to 2024, four at a time."""
    out = tmp_path_factory.mktemp("unbroken")
    run(read_teacher(str(ninth)), out, encoder)
    return out / "ninth"


def run(
    teacher: Teacher,
    out: Path,
    encoder: Path,
    papers: Path = CORPUS_SLICE / "papers",
    batch: int = 4,
    years: tuple[int, ...] = (2022, 2023, 2024),
) -> Manifest:
    """Run a teacher on papers of 2022 to 2024."""
    return generate(teacher, TransformersBackend(batch), papers, list(years), out, 0, str(encoder), THRESHOLD)


def words(ninth: Path, out: Path, encoder: Path) -> list[object]:
    """Return the command that does the same."""
    return [
        *(
            "dataset_builder",
            "generate",
            "--teacher",
            ninth,
            "--papers",
            CORPUS_SLICE / "papers",
            "--years",
            "2022-2024",
        ),
        *("--out", out, "--encoder", encoder, "--batch-size", "4"),
    ]


def final(folder: Path) -> dict[str, bytes]:
    """Return the files that a run leaves for its reader."""
    return {name: content for name, content in contents(folder).items() if not name.startswith(".generate")}


def lines(folder: Path, process: int = 0) -> list[dict[str, Any]]:
    """Return what a process has added to the journal, paper by paper."""
    journal = folder / f".generate/responses-{process:05d}.jsonl"
    return [result for line in journal.open() for result in json.loads(line)]


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Return the list to which each batch that is made from here on adds the ids of its papers."""
    original, made = BatchGenerator.respond, []

    def respond(generator: BatchGenerator, requests: list[Request], *rest: Any) -> Any:
        made.append([request.paper_id for request in requests])
        return original(generator, requests, *rest)

    monkeypatch.setattr(BatchGenerator, "respond", respond)
    return made


def draws(sampling: Sampling, seeds: list[int], scores: list[float], steps: int = 1) -> list[list[int]]:
    """Return the tokens that rows of the same scores draw without a grammar, by step and row."""
    rows = SeededRows(None, sampling, seeds)
    given = torch.tensor([scores] * len(seeds))
    return [rows.draw(list(range(len(seeds))), given) for _ in range(steps)]


def test_row_draws_by_its_seed_only() -> None:
    """In any batch and at any position; each step uses another number."""
    scores = [0.1 * token for token in range(50)]
    alone = draws(ALL_TOKENS, [5], scores, steps=8)
    among = draws(ALL_TOKENS, [1, 2, 5, 3], scores, steps=8)
    assert [row[2] for row in among] == [row[0] for row in alone]
    assert len({row[0] for row in alone}) > 2


def test_draws_follow_the_distribution() -> None:
    """Probabilities 0.5, 0.3, 0.2: top-p 0.7 excludes the third, and the others are 0.625 and 0.375."""
    scores = torch.tensor([0.5, 0.3, 0.2]).log().tolist()
    seeds = list(range(4000))
    all_draws = draws(ALL_TOKENS, seeds, scores)[0]
    # Three standard deviations of a share of 4,000 draws are at most 0.024.
    assert [all_draws.count(token) / 4000 for token in range(3)] == pytest.approx([0.5, 0.3, 0.2], abs=0.024)
    nucleus_draws = draws(Sampling(temperature=1.0, top_p=0.7), seeds, scores)[0]
    assert [nucleus_draws.count(token) / 4000 for token in range(3)] == pytest.approx([0.625, 0.375, 0.0], abs=0.024)
    # At temperature 0.5 the probabilities are squared: 0.25, 0.09, 0.04, of 0.38.
    cold = draws(Sampling(temperature=0.5, top_p=1.0), seeds, scores)[0]
    assert cold.count(0) / 4000 == pytest.approx(0.25 / 0.38, abs=0.024)


@pytest.mark.parametrize("tokenizer_of", ["tiny_base", "packaged_models"])
def test_any_draw_under_the_grammar_parses(tokenizer_of: str, request: pytest.FixtureRequest) -> None:
    """Rows of random scores, until each has ended: every row parses, by both tokenizers."""
    from transformers import AutoTokenizer

    folder = request.getfixturevalue(tokenizer_of)
    tokenizer = AutoTokenizer.from_pretrained(folder if tokenizer_of == "tiny_base" else folder / "smollm2")
    end = tokenizer.eos_token_id
    rows = SeededRows(Grammar(tokenizer, [end], len(tokenizer), LIMITS), ALL_TOKENS, [1, 2, 3, 4])
    tokens: list[list[int]] = [[] for _ in range(4)]
    for _ in range(longest_response_tokens(3, 20, 30)):
        working = [row for row in range(4) if tokens[row][-1:] != [end]]
        if not working:
            break
        for row, token in zip(working, rows.draw(working, torch.zeros(len(working), len(tokenizer))), strict=True):
            tokens[row].append(token)
    for row in tokens:
        assert row[-1] == end
        pairs = parse_response(tokenizer.decode(row[:-1]), LIMITS)
        assert all(len(question) <= 20 and len(answer) <= 30 for question, answer in pairs)
        assert all(question.index("?") == len(question) - 1 for question, _ in pairs)


def test_every_response_of_random_weights_parses(unbroken: Path) -> None:
    """Nonsense in the right format, at the first attempt and within the limits; the manifest counts every pair."""
    pairs = {}
    for line in lines(unbroken):
        (response,) = line["responses"]
        assert (response["seed"], response["finish_reason"]) == (derive_seed(0, line["paper_id"], 0), "stop")
        pairs[line["paper_id"]] = parse_response(response["text"], LIMITS)
        assert 2 <= len(pairs[line["paper_id"]]) <= 3
        for question, answer in pairs[line["paper_id"]]:
            assert 1 < len(question) <= 20
            assert question.index("?") == len(question) - 1
            assert 1 <= len(answer) <= 30
    assert sorted(pairs) == sorted(paper.paper_id for paper in PAPERS)
    manifest = read_manifest(unbroken.parent, "ninth")
    assert manifest.model.endswith("model")
    assert manifest.revision.startswith("sha256:")
    assert (manifest.papers, manifest.responses, manifest.responses_cut_off) == (15, 15, 0)
    assert manifest.rejected_papers == {}
    assert manifest.pairs == sum(map(len, pairs.values()))
    written = [line for path in unbroken.glob("isca_*.jsonl") for line in path.open()]
    assert len(written) + len((unbroken / "rejected.jsonl").read_text().splitlines()) == manifest.pairs


def test_finished_papers_are_not_made_again(
    tmp_path: Path,
    ninth: Path,
    encoder: Path,
    unbroken: Path,
    batches: list[list[str]],
) -> None:
    """Of four batches one is finished and a second one cut off: three are generated, with the same responses."""
    teacher = read_teacher(str(ninth))
    run(teacher, tmp_path, encoder, years=(2022,))
    journal = tmp_path / "ninth/.generate/responses-00000.jsonl"
    whole = (unbroken / ".generate/responses-00000.jsonl").read_text()
    first, second = whole.splitlines(keepends=True)[:2]
    journal.write_text(first + second[:-20])
    batches.clear()
    run(teacher, tmp_path, encoder)
    assert [len(batch) for batch in batches] == [4, 4, 3]
    assert journal.read_text() == whole
    assert final(tmp_path / "ninth") == final(unbroken)
    run(teacher, tmp_path, encoder)
    assert len(batches) == 3
    assert final(tmp_path / "ninth") == final(unbroken)


def test_year_without_papers_is_refused(tmp_path: Path, ninth: Path, encoder: Path) -> None:
    """Without the papers of 2022 their pairs would be deleted; instead the folder stays as it is."""
    for paper in (PAPERS[0], PAPERS[-1]):
        append(tmp_path / f"papers/isca_{paper.year}.jsonl", paper.model_dump())
    teacher = read_teacher(str(ninth))
    run(teacher, tmp_path, encoder, tmp_path / "papers")
    before = contents(tmp_path / "ninth")
    (tmp_path / "papers/isca_2022.jsonl").unlink()
    with pytest.raises(InputError, match=r"has isca_2022\.jsonl, but --papers has no paper .* of that venue and year"):
        run(teacher, tmp_path, encoder, tmp_path / "papers")
    assert contents(tmp_path / "ninth") == before


def test_changed_abstract_is_asked_about_anew(
    tmp_path: Path, ninth: Path, encoder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """And nothing else; papers of other years stay counted, and a warning names one that left --papers."""
    for paper in PAPERS[:6]:
        append(tmp_path / f"papers/isca_{paper.year}.jsonl", paper.model_dump())
    teacher = read_teacher(str(ninth))
    run(teacher, tmp_path, encoder, tmp_path / "papers")
    path = tmp_path / f"papers/isca_{PAPERS[0].year}.jsonl"
    path.write_text(path.read_text().replace("Training a DNN", "To train a DNN"))
    papers, years = tmp_path / "papers", [PAPERS[0].year]
    manifest = generate(teacher, TransformersBackend(4), papers, years, tmp_path, 0, str(encoder), THRESHOLD)
    assert [line["paper_id"] for line in lines(tmp_path / "ninth")[6:]] == [PAPERS[0].paper_id]
    assert manifest.papers == 6
    assert "left out" not in caplog.text
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))
    assert run(teacher, tmp_path, encoder, papers).papers == 5
    assert f"1 papers of an earlier run (such as {PAPERS[0].paper_id}) are left out" in caplog.text


def test_prompt_without_room_is_rejected(tmp_path: Path, ninth: Path, encoder: Path) -> None:
    """A prompt that fills the model's context has another reason than one that the model could not answer."""
    append(tmp_path / "papers/isca_2022.jsonl", {**PAPERS[0].model_dump(), "abstract": "cache " * 1100})
    append(tmp_path / "papers/isca_2022.jsonl", PAPERS[1].model_dump())
    manifest = run(read_teacher(str(ninth)), tmp_path, encoder, tmp_path / "papers")
    assert manifest.rejected_papers == {"the paper could not be asked": 1}
    assert manifest.responses == 1
    record = json.loads((tmp_path / "ninth/rejected.jsonl").read_text().splitlines()[0])
    assert (record["paper_id"], record["detail"]) == (PAPERS[0].paper_id, TOO_LONG)


@pytest.mark.parametrize("lengths", [[5, 30, 12, 30], [30]])
def test_batch_reads_what_the_model_reads_without_padding(tmp_path: Path, tiny_base: Path, lengths: list[int]) -> None:
    """By Gemma's layers with a sliding window, here of 16 tokens: each token is the likeliest after all before it."""
    from transformers import AutoTokenizer, Gemma2Config, Gemma2ForCausalLM

    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 4, "head_dim": 8, "sliding_window": 16}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 800, "max_position_embeddings": 512}
    ids = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0}
    Gemma2ForCausalLM(Gemma2Config(**sizes, **heads, **ids)).save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(tiny_base).save_pretrained(tmp_path)
    teacher = read_teacher("smollm2")
    limits = teacher.limits.model_copy(update={"new_tokens": 40})
    sampling = Sampling(temperature=1e-9, top_p=0.9)
    likeliest = teacher.model_copy(update={"model": str(tmp_path), "sampling": sampling, "limits": limits})
    generator = BatchGenerator(likeliest, load_tokenizer(likeliest))
    generator.grammar, generator.model = None, generator.model.float()
    prompts = [list(range(100, 100 + length)) for length in lengths]
    for prompt, response in zip(prompts, generator.generate_tokens(prompts, list(range(len(prompts)))), strict=True):
        assert len(response) == 40 or response[-1] == 0
        scores = generator.model(torch.tensor([prompt + response])).logits[0, len(prompt) - 1 : -1]
        assert scores.argmax(dim=-1).tolist() == response


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1 GiB."),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes."),
    ],
)
def test_batch_is_halved_where_memory_runs_out(
    tmp_path: Path, ninth: Path, encoder: Path, monkeypatch: pytest.MonkeyPatch, error: RuntimeError
) -> None:
    """With room for two responses at once, four are made two by two, and so is every batch after; no paper is lost."""
    from transformers import GPT2LMHeadModel

    original, sizes = GPT2LMHeadModel.forward, []

    def forward_or_fail(model: Any, **inputs: Any) -> Any:
        rows, tokens = inputs["input_ids"].shape
        if tokens > 1:
            sizes.append(rows)
        if rows > 2:
            raise error
        return original(model, **inputs)

    monkeypatch.setattr(GPT2LMHeadModel, "forward", forward_or_fail)
    assert run(read_teacher(str(ninth)), tmp_path, encoder).responses == 15
    # Four batches, of 4, 4, 4 and 3; a response that parses is not asked for again.
    assert sizes == [4, 2, 2, 2, 2, 2, 2, 2, 1]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_processes_give_the_same_pairs(
    tmp_path: Path, ninth: Path, encoder: Path, unbroken: Path, stage: Callable
) -> None:
    """By accelerate launch, after the first batch of one process: each of the two took papers, none twice."""
    work = tmp_path / "ninth/.generate"
    work.mkdir(parents=True)
    (work / "settings.json").write_bytes((unbroken / ".generate/settings.json").read_bytes())
    (work / "responses-00000.jsonl").write_text(
        (unbroken / ".generate/responses-00000.jsonl").read_text().splitlines(keepends=True)[0]
    )
    launch = ["accelerate.commands.launch", "--config_file", "accelerate_config.yaml", "--multi_gpu"]
    done = stage(*launch, "--num_processes", "2", "-m", *words(ninth, tmp_path, encoder))
    assert done.returncode == 0, done.stderr
    by_process = [[line["paper_id"] for line in lines(tmp_path / "ninth", process)] for process in (0, 1)]
    # Of the batches left, of 4, 4 and 3, the first and the last go to the first process, which had made 4 papers.
    assert [len(papers) for papers in by_process] == [11, 4]
    assert sorted([*by_process[0], *by_process[1]]) == sorted(paper.paper_id for paper in PAPERS)
    assert final(tmp_path / "ninth") == final(unbroken)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_again_and_again_ends_in_the_same_files(
    tmp_path: Path, ninth: Path, encoder: Path, unbroken: Path, killed: Callable, stage: Callable
) -> None:
    """Kill -9 before the model is loaded, between two batches, and at the manifest."""
    command = words(ninth, tmp_path, encoder)
    for function, count in (
        ("dataset_builder.generate.backends.in_process.load_model", 1),
        ("dataset_builder.journal.Journal.append", 2),
        # A settings file, three years and the rejected pairs come before it.
        ("os.replace", 6),
    ):
        killed(function, count, *command)
        assert not (tmp_path / "ninth/generation.json").exists()
    assert stage(*command).returncode == 0
    assert final(tmp_path / "ninth") == final(unbroken)
