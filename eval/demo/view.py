"""Render answers as HTML: the answers side by side, and below them the abstract with the cited sentences marked."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.templates import render
from eval.asking.evidence import CitedAnswer

TEMPLATE = Path(__file__).parent / "templates" / "answers.html.j2"


@dataclass(frozen=True)
class ModelAnswer:
    """The answer of the model `name`, and its cosine similarity to the reference answer, None without one."""

    name: str
    cited: CitedAnswer
    similarity: float | None = None


@dataclass(frozen=True)
class AbstractPart:
    """A part of an abstract, and the names of the models that cite it, if it is a sentence that is cited."""

    text: str
    names: list[str]


def render_answers(abstract: str, answers: Sequence[ModelAnswer], reference: str | None) -> str:
    """Return the answers on `abstract` as HTML, in which all texts are escaped."""
    return render(TEMPLATE, answers=answers, reference=reference, parts=split_abstract(abstract, answers))


def split_abstract(abstract: str, answers: Sequence[ModelAnswer]) -> list[AbstractPart]:
    """Return the parts of the abstract in their order, which together are the abstract."""
    names: dict[tuple[int, int], list[str]] = {}
    for answer in answers:
        for cited in answer.cited.evidence:
            names.setdefault((cited.start, cited.end), []).append(answer.name)
    parts: list[AbstractPart] = []
    position = 0
    # Cited sentences are sentences of the abstract, so they do not overlap.
    for (start, end), citing in sorted(names.items()):
        parts += [AbstractPart(abstract[position:start], []), AbstractPart(abstract[start:end], citing)]
        position = end
    return [part for part in [*parts, AbstractPart(abstract[position:], [])] if part.text]
