"""Try the metric in a browser: the Hub runs this file in the metric's Space.

The widget of `evaluate` does not work here: it uses parts of gradio that gradio 4 removed.
"""

import gradio
from answer_similarity import AnswerSimilarity  # type: ignore[import-not-found]  # beside this file in the Space

metric = AnswerSimilarity()


def similarity(answer: str, reference: str) -> float:
    """Return the cosine similarity of one answer and its reference."""
    return float(metric.compute(predictions=[answer], references=[reference])["cosine_similarity"])


demo = gradio.Interface(
    similarity,
    inputs=[gradio.Textbox(label="Answer"), gradio.Textbox(label="Reference answer")],
    outputs=gradio.Number(label="Cosine similarity", precision=3),
    examples=[["It halves the misses.", "Misses fall by half."]],
    cache_examples=False,
    title="Answer similarity",
    description="How close in meaning an answer is to a reference answer, from -1 to 1.",
)

if __name__ == "__main__":
    demo.launch()
