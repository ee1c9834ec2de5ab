"""Written answers: the files of the open corpus, the reader, and the join with the abstracts."""

import re
from collections import Counter
from pathlib import Path

import pytest

from dataset_builder.corpus.pairs import read_pairs
from dataset_builder.corpus.papers import read_papers
from dataset_builder.corpus.questions import CorpusQuestion
from dataset_builder.errors import InputError
from dataset_builder.prompt import INSTRUCTION
from dataset_builder.verification.example import Example
from dataset_builder.verifier_examples.written import WrittenAnswer, join_abstracts, read_written_answers
from tests.corpus_slice import OPEN_CORPUS

ANSWERS = read_written_answers(OPEN_CORPUS / "faithfulness")


def test_files_answer_questions_of_the_open_corpus() -> None:
    """Every paper of 2016 to 2021 in order, and every question as it is in the corpus."""
    papers = [paper.paper_id for paper in read_papers(OPEN_CORPUS / "papers") if 2016 <= paper.year <= 2021]
    assert list(dict.fromkeys(answer.paper_id for answer in ANSWERS)) == papers
    questions = {(pair.paper_id, pair.question) for pair in read_pairs(OPEN_CORPUS / "qa", "detailed")}
    assert [answer for answer in ANSWERS if (answer.paper_id, answer.question) not in questions] == []


def test_each_question_has_a_right_and_a_wrong_answer() -> None:
    """Two questions on a paper, four different answers; the README names their number."""
    answers = Counter((answer.paper_id, answer.question, answer.error is None) for answer in ANSWERS)
    assert set(answers.values()) == {1}
    assert {is_right for *_, is_right in answers} == {True, False}
    assert set(Counter(answer.paper_id for answer in ANSWERS).values()) == {4}
    assert len({answer.answer for answer in ANSWERS}) == len(ANSWERS) == 1592
    readme = (OPEN_CORPUS / "README.md").read_text(encoding="utf-8")
    assert "1,592 answers to two questions on each of the 398 papers" in " ".join(readme.split())


def test_wording_and_length_do_not_give_the_label_away() -> None:
    """Half of the right and of the wrong answers are near the description, and their mean lengths differ by a word."""
    near = Counter(answer.error is None for answer in ANSWERS if answer.wording == "near")
    assert near == {True: 399, False: 397}
    lengths: dict[bool, list[int]] = {True: [], False: []}
    for answer in ANSWERS:
        lengths[answer.error is None].append(len(answer.answer.split()))
    means = [sum(counts) / len(counts) for counts in lengths.values()]
    assert abs(means[0] - means[1]) < 1
    assert all(8 <= count <= 40 for counts in lengths.values() for count in counts)


def test_readme_has_the_number_of_answers_by_kind() -> None:
    """The table of kinds."""
    readme = (OPEN_CORPUS / "README.md").read_text(encoding="utf-8")
    table = {kind: int(count) for kind, count in re.findall(r"^\| `([a-z-]+)` \| .* \| +(\d+) \|$", readme, re.M)}
    assert table == Counter(answer.error for answer in ANSWERS if answer.error)


def test_line_that_does_not_fit_is_named(tmp_path: Path) -> None:
    """A kind of error that does not exist."""
    line = '{"paper_id": "10.1/a", "question": "What?", "answer": "It.", "error": "typo", "wording": "near"}\n'
    (tmp_path / "isca_2020.jsonl").write_text(line, encoding="utf-8")
    with pytest.raises(InputError, match=r"isca_2020\.jsonl:1: error is 'typo': .*; correct the line"):
        read_written_answers(tmp_path)


def test_join_takes_the_answers_to_the_questions_of_a_split() -> None:
    """Not those on another paper, and not those to another question on the same paper."""

    def written(paper_id: str, question: str) -> WrittenAnswer:
        return WrittenAnswer(paper_id=paper_id, question=question, answer="2x.", error="unit", wording="far")

    answers = [written("10.1/a", "How fast?"), written("10.1/a", "How slow?"), written("10.1/b", "How fast?")]
    question = CorpusQuestion(INSTRUCTION, "It is 2% faster.", "How fast?", "By 2%.", "10.1/a", 2020)
    assert join_abstracts(answers, [question]) == [Example("10.1/a", "It is 2% faster.", "How fast?", "2x.", "unit")]
