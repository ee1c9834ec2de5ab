"""Examples from the pairs of a corpus."""

from collections import Counter

from dataset_builder.corpus.pairs import read_pairs
from dataset_builder.corpus.papers import read_papers
from dataset_builder.corpus.questions import CorpusQuestion
from dataset_builder.prompt import INSTRUCTION
from dataset_builder.verification.errors.by_kind import RULES
from dataset_builder.verifier_examples.made import make_examples
from tests.corpus_slice import CORPUS_SLICE

PAPERS = {paper.paper_id: paper for paper in read_papers(CORPUS_SLICE / "papers")}
QUESTIONS = [
    CorpusQuestion(INSTRUCTION, PAPERS[pair.paper_id].abstract or "", pair.question, pair.answer, pair.paper_id, 2020)
    for pair in read_pairs(CORPUS_SLICE / "qa", "detailed")
]
EXAMPLES = make_examples(QUESTIONS, seed=0)


def test_labels_are_balanced_and_every_kind_is_there() -> None:
    """Each question has as many right as wrong answers, at most two of each."""
    labels = Counter((example.paper_id, example.question, example.is_supported) for example in EXAMPLES)
    assert set(labels.values()) <= {1, 2}
    assert all(labels[paper_id, question, not label] == count for (paper_id, question, label), count in labels.items())
    kinds = Counter(example.error for example in EXAMPLES if example.error)
    assert kinds.keys() == RULES.keys()
    assert max(kinds.values()) <= len(QUESTIONS) / 4


def test_right_answers_are_the_references_and_their_rewordings() -> None:
    """No wrong answer is a right one, and a paper's examples have its abstract."""
    references = {(question.paper_id, question.question): question.answer for question in QUESTIONS}
    right = {(example.paper_id, example.question, example.answer) for example in EXAMPLES if example.is_supported}
    assert all((*key, reference) in right for key, reference in references.items() if any(r[:2] == key for r in right))
    wrong = {(example.paper_id, example.question, example.answer) for example in EXAMPLES if not example.is_supported}
    assert not right & wrong
    assert all(example.context == PAPERS[example.paper_id].abstract for example in EXAMPLES)


def test_seed_decides_the_examples() -> None:
    """The same seed gives the same ones, another seed others."""
    assert make_examples(QUESTIONS, seed=0) == EXAMPLES
    assert make_examples(QUESTIONS, seed=1) != EXAMPLES


def test_kinds_can_be_left_out() -> None:
    """The other kinds take their place."""
    examples = make_examples(QUESTIONS, seed=0, left_out=["negation", "cause"])
    assert {example.error for example in examples if example.error} == RULES.keys() - {"negation", "cause"}


def test_one_answer_of_each_label() -> None:
    """Only the references are right then."""
    examples = make_examples(QUESTIONS, seed=0, per_label=1)
    references = {question.answer for question in QUESTIONS}
    assert {example.answer for example in examples if example.is_supported} <= references
    assert len(examples) == 2 * sum(example.is_supported for example in examples)


def test_wrong_answer_is_right_up_to_its_error() -> None:
    """Up to there it begins as a right answer to the question does, and the next character differs."""
    right: dict[str, list[str]] = {}
    for example in EXAMPLES:
        if example.is_supported:
            assert example.right_until == len(example.answer)
            right.setdefault(example.question, []).append(example.answer)
    for example in EXAMPLES:
        end = example.right_until
        if not example.is_supported:
            assert end is not None
            beginnings = [answer for answer in right[example.question] if answer.startswith(example.answer[:end])]
            assert beginnings
            assert any(answer[end : end + 1] != example.answer[end : end + 1] for answer in beginnings)
