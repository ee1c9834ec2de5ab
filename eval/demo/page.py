"""Lay out the page: choose a paper or paste an abstract, ask, and read the answers side by side."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from eval.demo.handlers import LONGEST_ABSTRACT, LONGEST_QUESTION, Handlers
from eval.demo.papers import DemoPapers

if TYPE_CHECKING:
    from eval.asking.answerer import Answerer
    from eval.metrics.embedding import Encoder

CSS = Path(__file__).parent / "templates" / "page.css"
INTRODUCTION = """# Ask about a paper

Choose a paper or paste an abstract, then choose a question or write your own. Small language models answer from the
abstract, side by side.
"""
LIMITS = """
- The models are small and often wrong. They read only the abstract, and answer in one or two sentences.
- A marked sentence is the nearest in meaning to a sentence of an answer. It does not show that the answer is right.
- The similarity compares meanings: an answer with a wrong number can be similar to the reference answer.
- The listed papers are those of the test split, which training does not use. A base model may have read about them.
"""


def build_page(models: "Mapping[str, Answerer]", encoder: "Encoder", papers: DemoPapers) -> gr.Blocks:
    """Return the page. Its API has one endpoint, `/answer`, which takes an abstract and a question."""
    handlers = Handlers(models, encoder, papers)
    page = gr.Blocks(title="ISCA-QA", analytics_enabled=False)
    with page:
        gr.Markdown(INTRODUCTION)
        with gr.Row():
            with gr.Column(min_width=320):
                paper = gr.Dropdown(
                    [(f"{paper.title} ({paper.year})", paper_id) for paper_id, paper in papers.by_id.items()],
                    value=None,
                    label="Paper (type to search)",
                    visible=bool(papers.by_id),
                    elem_id="paper",
                )
                abstract = gr.Textbox(
                    label="Abstract", lines=7, max_lines=12, max_length=LONGEST_ABSTRACT, elem_id="abstract"
                )
            with gr.Column(min_width=320):
                choices = gr.Radio([], label="Questions of the corpus", visible=False, elem_id="questions")
                question = gr.Textbox(
                    label="Question", lines=1, max_lines=4, max_length=LONGEST_QUESTION, elem_id="question"
                )
                button = gr.Button("Ask", variant="primary", elem_id="ask")
        result = gr.HTML(elem_id="result")
        examples = gr.Dataset(
            label="Examples",
            components=[gr.Textbox(visible=False), gr.Textbox(visible=False)],
            headers=["Question", "Abstract"],
            samples=[[example.question, example.label] for example in handlers.examples],
            type="index",
            elem_id="examples",
        )
        with gr.Accordion("Limits", open=False):
            gr.Markdown(LIMITS)

        hidden: dict[str, Any] = {"api_visibility": "private"}
        # One question at a time: two would share the cores and wait for each other.
        queue: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": "models"}
        answering: dict[str, Any] = {**hidden, **queue, "show_progress": "minimal"}
        inputs = [abstract, question]
        paper.input(handlers.choose_paper, paper, [abstract, choices, question, result], **hidden)
        choices.input(lambda chosen: chosen, choices, question, **hidden)
        gr.on([button.click, question.submit], handlers.show, inputs, result, **answering)
        filled = examples.click(handlers.choose_example, examples, [paper, abstract, choices, question], **hidden)
        filled.then(handlers.show, inputs, result, **answering)
        gr.api(handlers.answer, api_name="answer", **queue)  # type: ignore[attr-defined]  # not exported by name
    return page
