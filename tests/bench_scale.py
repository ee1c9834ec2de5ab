"""Measure what the stages take on many papers: CPU seconds and peak memory (`make bench-scale`).

`python -m tests.bench_scale --papers N [--encoder DIR]` writes N test papers of random words with one question each,
and the answers of three systems, so that no model answers. Each stage is the project's own command in a process of its
own, and one row of the table. The time of an evaluation depends on its encoder: the default one needs little.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from dataset_builder.corpus.pairs import QAPair
from dataset_builder.corpus.papers import Paper, write_papers
from dataset_builder.corpus.questions import CorpusQuestion, read_questions
from dataset_builder.corpus.rows import iterate_rows
from dataset_builder.corpus.split_files import find_split_files
from dataset_builder.files import write_text
from dataset_builder.formats import to_json_line
from dataset_builder.model_folders import find_model
from dataset_builder.names import COMMON_WORDS
from dataset_builder.text import sentences
from eval.generation.answer_store import AnswerStore, prompt_key
from eval.prompting import Answer
from eval.systems import System
from tests.conftest import REPOSITORY
from tests.corpus_slice import CORPUS_SLICE

TEACHER = "plain"
TEST_YEARS, TRAIN_YEARS = (2022, 2023, 2024), (2020, 2021)
# A corpus needs some papers to train on; the evaluation does not read them.
TRAIN_PAPERS = 20
# The systems copy a sentence of the abstract with these probabilities, and otherwise answer with random words.
SYSTEMS = {"one": 0.8, "two": 0.7, "three": 0.2}
QUESTIONS = ("What does it change", "How much does it save", "How is it built", "Why is it needed", "Which part is it")
WORDS = sorted(COMMON_WORDS)
TINY_MODEL = "import sys; from pathlib import Path; from tests.tiny import write_tiny_gpt2 as write; " + (
    "write(Path(sys.argv[1]), Path(sys.argv[2]), positions=2048)"
)


def main() -> None:
    """Write the papers and measure each stage."""
    command = argparse.ArgumentParser(prog="python -m tests.bench_scale", description=__doc__)
    command.add_argument("--papers", type=int, default=1000, metavar="N", help="test papers; default: %(default)s")
    command.add_argument("--encoder", default="data/models/wordllama", metavar="DIR", help="default: %(default)s")
    arguments = command.parse_args()
    sys.stdout.write(f"{arguments.papers} test papers\n\n| stage | CPU seconds | peak memory, GiB |\n")
    sys.stdout.write("| --- | ---: | ---: |\n")
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        write_sources(work, arguments.papers)
        build(work)
        evaluate(work, arguments.encoder)


def build(work: Path) -> None:
    """Measure `build`, which writes the corpus."""
    sources = ("--papers", work / "papers", "--qa", work / "qa", "--out", work / "corpus")
    measure("build", "dataset_builder", "build", *sources, "--train-teacher", TEACHER, "--test-teachers", TEACHER)


def evaluate(work: Path, encoder: str) -> None:
    """Measure the scores and the report of three systems, whose answers are given."""
    model = work / "model"
    subprocess.run([sys.executable, "-c", TINY_MODEL, model, CORPUS_SLICE], cwd=REPOSITORY, check=True)
    files = find_split_files(work / "corpus", [TEACHER], TEACHER)
    questions = read_questions(map(asdict, iterate_rows(files[TEACHER, "test"])))
    (work / "eval/answers").mkdir(parents=True)
    for name, copied in SYSTEMS.items():
        store = AnswerStore(work / "eval/answers", name, System(name, find_model(name, str(model))).fingerprint)
        store.append(given_answers(name, questions, copied))
        store.merge()
    models = [f"{name}={model}" for name in SYSTEMS]
    corpus = ("--dataset", work / "corpus", "--configs", TEACHER)
    measure("eval run", "eval", "run", *corpus, "--models", *models, "--encoders", encoder, "--out", work / "eval")


def measure(stage: str, *words: object) -> None:
    """Run `python -m WORDS` and print its row; its failure ends the benchmark."""
    # A process that forks counts the memory of its parent, which is small here, until it runs the command.
    process = subprocess.Popen(
        [sys.executable, "-m", *map(str, words)], cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    output = process.stdout.read() if process.stdout else b""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{stage}: {output.decode()}")
    seconds, memory = usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 2**20
    sys.stdout.write(f"| {stage} | {seconds:.1f} | {memory:.2f} |\n")
    sys.stdout.flush()


def write_sources(work: Path, test_papers: int) -> None:
    """Write papers/ and qa/ of random words: `test_papers` papers of the test years, and some to train on."""
    draw = random.Random(0)
    for folder in ("papers", f"qa/{TEACHER}"):
        (work / folder).mkdir(parents=True)
    by_year: dict[int, list[tuple[Paper, QAPair]]] = {}
    for years, count in ((TRAIN_YEARS, TRAIN_PAPERS), (TEST_YEARS, test_papers)):
        for number in range(count):
            year = years[number % len(years)]
            by_year.setdefault(year, []).append(random_paper(draw, f"10.1145/{year}.{number}", year))
    for year, papers in by_year.items():
        write_papers(work / f"papers/isca_{year}.jsonl", [paper for paper, _ in papers])
        pairs = "".join(to_json_line(pair, exclude_none=True) for _, pair in papers)
        write_text(work / f"qa/{TEACHER}/isca_{year}.jsonl", pairs)


def random_paper(draw: random.Random, paper_id: str, year: int) -> tuple[Paper, QAPair]:
    """Return a paper with an abstract of about 100 words, and a pair whose answer has words of its second sentence."""
    abstract = [random_sentence(draw, draw.randint(10, 24)) for _ in range(6)]
    words = abstract[1].split()
    answer = " ".join([*draw.sample(words, len(words) // 2), *draw.sample(WORDS, 5)])
    paper = Paper(
        paper_id=paper_id,
        title=random_sentence(draw, 8),
        year=year,
        venue="isca",
        paper_url=f"https://doi.org/{paper_id}",
        abstract=" ".join(abstract),
    )
    question = f"{draw.choice(QUESTIONS)} of {' '.join(draw.sample(words, 4))}?"
    return paper, QAPair(paper_id=paper_id, teacher=TEACHER, question=question, answer=f"{answer}.")


def random_sentence(draw: random.Random, length: int) -> str:
    """Return common words with a name in most sentences, and a number in every third one."""
    words = draw.sample(WORDS, length)
    words[draw.randrange(length)] = f"{draw.choice(WORDS)}Cache".title()
    if draw.random() < 1 / 3:
        words[draw.randrange(length)] = f"{draw.uniform(1, 100):.1f}"
    return f"{' '.join(words).capitalize()}."


def given_answers(name: str, questions: list[CorpusQuestion], copied: float) -> dict[str, Answer]:
    """Return the answers of a system, by prompt."""
    draw = random.Random(name)
    return {
        prompt_key(question): Answer(
            draw.choice(sentences(question.context)) if draw.random() < copied else random_sentence(draw, 15), False
        )
        for question in questions
    }


if __name__ == "__main__":
    main()
