"""Handle what people do on the page: choose a paper or an example, and ask."""

import html
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import gradio as gr

from dataset_builder.errors import InputError
from eval.asking.answerer import Answerer, AskedQuestion
from eval.demo.examples import choose_examples
from eval.demo.papers import DemoPapers
from eval.demo.view import ModelAnswer, render_answers

if TYPE_CHECKING:
    from eval.metrics.embedding import Encoder

# In characters. The longest abstract of the open corpus has 2,100, its longest question 200.
LONGEST_ABSTRACT, LONGEST_QUESTION = 5000, 500


class Handlers:
    """The functions behind the page, for models by the names that the page shows.

    Texts for a person are HTML in which all other texts are escaped.
    """

    def __init__(self, models: Mapping[str, Answerer], encoder: "Encoder", papers: DemoPapers) -> None:
        """Take the models, and the encoder that compares answers with reference answers."""
        self._models = models
        self._encoder = encoder
        self._papers = papers
        self.examples = choose_examples(papers)

    def choose_paper(self, paper_id: str | None) -> tuple[str, Any, str, str]:
        """Return a paper's abstract, its questions to choose from, an empty question and an empty result."""
        paper = self._papers.by_id.get(paper_id or "")
        questions = list(paper.references) if paper else []
        choices = gr.Radio(choices=questions, value=None, visible=bool(questions))
        return paper.abstract if paper else "", choices, "", ""

    def choose_example(self, number: int) -> tuple[str | None, str, Any, str]:
        """Return an example's paper, its abstract, the questions on it to choose from, and its question."""
        example = self.examples[number]
        abstract, choices, _, _ = self.choose_paper(example.paper_id)
        return example.paper_id, example.abstract or abstract, choices, example.question

    def show(self, abstract: str, question: str) -> Iterator[str]:
        """Yield the answers so far as HTML, each time that a model has answered."""
        reference = self._papers.find_reference(abstract, question)
        answers: list[ModelAnswer] = []
        for answer in self._ask(abstract, question):
            answers.append(answer)
            yield render_answers(abstract, answers, reference)

    def answer(self, abstract: str, question: str) -> list[dict[str, Any]]:
        """Return the answers of all models to a question about an abstract, as JSON."""
        return [
            {"model": one.name, **one.cited.model_dump(exclude={"abstract"}), "similarity": one.similarity}
            for one in self._ask(abstract, question)
        ]

    def _ask(self, abstract: str, question: str) -> Iterator[ModelAnswer]:
        _check_length("abstract", abstract, LONGEST_ABSTRACT)
        _check_length("question", question, LONGEST_QUESTION)
        reference = self._papers.find_reference(abstract, question)
        for name, model in self._models.items():
            try:
                cited = model.answer(AskedQuestion(question, abstract))
            except InputError as error:
                raise _visible_error(str(error)) from error
            similarity = None
            if reference is not None:
                similarity = float(self._encoder.similarities([cited.answer], [reference])[0])
            yield ModelAnswer(name, cited, similarity)


def _check_length(name: str, text: str, longest: int) -> None:
    if not text.strip():
        raise _visible_error(f"The {name} is empty. Choose or write one.")
    if len(text) > longest:
        raise _visible_error(f"The {name} has {len(text):,} characters. Shorten it to {longest:,} or fewer.")


def _visible_error(message: str) -> gr.Error:
    # Gradio shows the message as HTML.
    return gr.Error(html.escape(message), print_exception=False)
