"""What the page lists, and how it marks citations in an abstract."""

from __future__ import annotations

from eval.asking.evidence import CitedAnswer, CitedSentence
from eval.demo.examples import WRITTEN_ABSTRACT, choose_examples
from eval.demo.papers import DemoPapers
from eval.demo.view import AbstractPart, ModelAnswer, render_answers, split_abstract
from tests.eval.questions import corpus_question

ABSTRACT = "Caches are small. Buses are slow."


def cited_answer(*spans: tuple[int, int], answer: str = "Slow.") -> CitedAnswer:
    """Return an answer that cites these parts of the abstract."""
    evidence = [CitedSentence(start=start, end=end, text=ABSTRACT[start:end], score=0.5) for start, end in spans]
    return CitedAnswer(abstract="", question="q", answer=answer, evidence=evidence, unsupported=[])


def test_sentence_has_the_names_of_all_models_that_cite_it() -> None:
    """The parts together are the abstract."""
    answers = [
        ModelAnswer("a", cited_answer((18, 33))),
        ModelAnswer("b", cited_answer((0, 17), (18, 33))),
    ]
    assert split_abstract(ABSTRACT, answers) == [
        AbstractPart("Caches are small.", ["b"]),
        AbstractPart(" ", []),
        AbstractPart("Buses are slow.", ["a", "b"]),
    ]


def test_texts_of_models_and_people_are_escaped() -> None:
    """Answer, abstract, reference answer and unsupported parts."""
    answer = cited_answer(answer="<b>").model_copy(update={"unsupported": ["<i>"]})
    page = render_answers("<u>", [ModelAnswer("a", answer)], "<s>")
    for tag in ("b", "i", "u", "s"):
        assert f"<{tag}>" not in page and f"&lt;{tag}&gt;" in page


def test_reference_answers_are_found_by_abstract_and_question() -> None:
    """Whatever the line breaks of the abstract are; the first config's answer to a question counts."""
    first = corpus_question("Why?", "Long.", ABSTRACT, "p", title="B")
    papers = DemoPapers(
        [first, corpus_question("Why?", "Wide.", ABSTRACT, "p"), corpus_question(paper_id="q", title="a")]
    )
    assert [paper.title for paper in papers.by_id.values()] == ["a", "B"]
    assert papers.find_reference(ABSTRACT.replace(" ", "\n"), " Why? ") == "Long."
    assert papers.find_reference(ABSTRACT, "How?") is None
    assert papers.find_reference("Other.", "Why?") is None


def test_examples_are_on_papers_and_on_a_written_abstract() -> None:
    """Papers spread over the list by title; without a corpus, only the written abstract."""
    papers = DemoPapers(
        [corpus_question(f"Q{number}?", paper_id=str(number), title=f"T{number}") for number in range(7)]
    )
    assert [example.paper_id for example in choose_examples(papers)] == ["0", "2", "4", None]
    assert [example.abstract for example in choose_examples(DemoPapers())] == [WRITTEN_ABSTRACT]
