"""Write papers, pairs and responses of random words, for measurements on many papers."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path

from dataset_builder.corpus.manifest import Response
from dataset_builder.corpus.pairs import QAPair
from dataset_builder.corpus.papers import Paper, read_papers, write_papers
from dataset_builder.corpus.questions import CorpusQuestion
from dataset_builder.files import write_text
from dataset_builder.formats import to_json_line
from dataset_builder.generate.responses import PaperResult, Request, ResponseJournal
from dataset_builder.grounding.names import COMMON_WORDS
from dataset_builder.teachers.teacher import Teacher
from dataset_builder.text import sentences
from eval.generation.answer_store import prompt_key
from eval.prompting import Answer

TEST_YEARS, TRAIN_YEARS = (2022, 2023, 2024), (2020, 2021)
QUESTIONS = ("What does it change", "How much does it save", "How is it built", "Why is it needed", "Which part is it")
WORDS = sorted(COMMON_WORDS)
RESPONSES_AT_ONCE = 100


def write_sources(folder: Path, teacher: str, train_papers: int, test_papers: int, pairs: int) -> None:
    """Write papers/ and qa/TEACHER/ with papers of the training years and of the test years, and `pairs` on each."""
    draw = random.Random(0)
    for name in ("papers", f"qa/{teacher}"):
        (folder / name).mkdir(parents=True)
    by_year: dict[int, list[tuple[Paper, list[QAPair]]]] = {}
    for years, count in ((TRAIN_YEARS, train_papers), (TEST_YEARS, test_papers)):
        for number in range(count):
            year = years[number % len(years)]
            paper = random_paper(draw, f"10.1145/{year}.{number}", year)
            by_year.setdefault(year, []).append((paper, random_pairs(draw, paper, teacher, pairs)))
    for year, papers in by_year.items():
        write_papers(folder / f"papers/isca_{year}.jsonl", [paper for paper, _ in papers])
        lines = "".join(to_json_line(pair, exclude_none=True) for _, own in papers for pair in own)
        write_text(folder / f"qa/{teacher}/isca_{year}.jsonl", lines)


def random_paper(draw: random.Random, paper_id: str, year: int) -> Paper:
    """Return a paper with an abstract of about 100 words."""
    return Paper(
        paper_id=paper_id,
        title=random_sentence(draw, 8),
        year=year,
        venue="isca",
        paper_url=f"https://doi.org/{paper_id}",
        abstract=" ".join(random_sentence(draw, draw.randint(10, 24)) for _ in range(6)),
    )


def random_pairs(draw: random.Random, paper: Paper, teacher: str, count: int) -> list[QAPair]:
    """Return pairs whose answers have half of the words of the abstract's second sentence, and other words."""
    words = sentences(paper.abstract or "")[1].split()
    pairs = []
    for _ in range(count):
        question = f"{draw.choice(QUESTIONS)} of {' '.join(draw.sample(words, 4))}?"
        answer = " ".join([*draw.sample(words, len(words) // 2), *draw.sample(WORDS, 5)])
        pairs.append(QAPair(paper_id=paper.paper_id, teacher=teacher, question=question, answer=f"{answer}."))
    return pairs


def random_sentence(draw: random.Random, length: int) -> str:
    """Return common words with a name in most sentences, and a number in every third one."""
    words = draw.sample(WORDS, length)
    words[draw.randrange(length)] = f"{draw.choice(WORDS)}Cache".title()
    if draw.random() < 1 / 3:
        words[draw.randrange(length)] = f"{draw.uniform(1, 100):.1f}"
    return f"{' '.join(words).capitalize()}."


def given_answers(name: str, questions: Sequence[CorpusQuestion], copied: float) -> dict[str, Answer]:
    """Return the answers of a system, by prompt: with the probability `copied` a sentence, else random words."""
    draw = random.Random(name)
    return {
        prompt_key(question): Answer(
            draw.choice(sentences(question.context)) if draw.random() < copied else random_sentence(draw, 15), False
        )
        for question in questions
    }


def write_responses(work_folder: Path, teacher: Teacher, papers: Path) -> None:
    """Write the journal of a teacher who has answered every paper with two pairs, whose answers are sentences."""
    draw = random.Random(0)
    work_folder.mkdir(parents=True)
    journal = ResponseJournal(work_folder)
    results = [_response(draw, teacher, paper) for paper in read_papers(papers)]
    for start in range(0, len(results), RESPONSES_AT_ONCE):
        journal.append(results[start : start + RESPONSES_AT_ONCE])


def _response(draw: random.Random, teacher: Teacher, paper: Paper) -> PaperResult:
    answers = draw.sample(sentences(paper.abstract or ""), 2)
    pairs = [
        {"question": f"{draw.choice(QUESTIONS)} of {' '.join(answer.split()[1:5])}?", "answer": answer}
        for answer in answers
    ]
    request = Request(paper.paper_id, teacher.render_prompt(paper.title, paper.abstract or ""))
    return PaperResult(
        paper_id=paper.paper_id,
        request_sha256=request.sha256,
        made_by="random words",
        responses=[Response(seed=0, text=json.dumps(pairs), finish_reason="stop", tokens=100)],
    )
