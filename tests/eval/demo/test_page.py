"""The page in a real Chromium and through Gradio's client: one server, a scripted model and a tiny one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dataset_builder.errors import InputError
from dataset_builder.models.folders import find_model
from eval.asking.answerer import Answerer, AskedQuestion
from eval.asking.evidence import CitedAnswer, CitedSentence
from eval.demo.papers import DemoPapers, read_papers
from eval.demo.serve import launch, load_page, models_of_page
from tests.browser import running_browser
from tests.eval.questions import corpus_question

pytest.importorskip("gradio", reason="the page needs gradio: pip install -e '.[demo]'")

HOSTILE = "<img src=x onerror=\"document.title='taken'\"> ${document.title='taken'} {{7*7}}"
ABSTRACT = f"Caches are small. Buses are slow {HOSTILE}. Cores are many."
CITED = f"Buses are slow {HOSTILE}."
QUESTION = f"Why are buses slow? {HOSTILE}"
REFERENCE = f"They are long. {HOSTILE}"
PAPERS = DemoPapers(
    [
        corpus_question(QUESTION, REFERENCE, ABSTRACT, "10.1/b", 2023, f"On Buses {HOSTILE}"),
        corpus_question("How many cores?", "Many.", ABSTRACT, "10.1/b", 2023, f"On Buses {HOSTILE}"),
        corpus_question("How small?", "Very.", "Caches are small.", "10.1/a", 2022, "A Small Cache"),
    ]
)


class LetterEncoder:
    """Embeds a text by how often it has each letter."""

    def embed(self, texts: list[str]) -> np.ndarray:
        """Return unit embeddings; the last number is for a text without letters."""
        counts = np.array([[text.lower().count(chr(97 + letter)) for letter in range(26)] + [1] for text in texts])
        return counts / np.linalg.norm(counts, axis=1, keepdims=True)

    def similarities(self, first: list[str], second: list[str]) -> np.ndarray:
        """Return the cosine similarities."""
        return (self.embed(first) * self.embed(second)).sum(axis=1)


class ScriptedAnswerer:
    """Gives the reference answer to every question, and cites the second sentence."""

    def answer(self, asked: AskedQuestion) -> CitedAnswer:
        """Return the answer."""
        start = asked.text.find("Buses")
        evidence = [CitedSentence(start=start, end=start + len(CITED), text=CITED, score=0.9)]
        return CitedAnswer(
            abstract="",
            question=asked.question,
            answer=REFERENCE,
            evidence=[] if start < 0 else evidence,
            unsupported=["7", "DDR5 <b>"],
        )


ENCODER: Any = LetterEncoder()
MODELS: dict[str, Any] = {"full": ScriptedAnswerer()}


@pytest.fixture(scope="module")
def tiny(tiny_base: Path) -> Answerer:
    """Return a tiny model of random weights."""
    return Answerer(find_model("tiny", str(tiny_base)), ENCODER)


@pytest.fixture(scope="module")
def url(tiny: Answerer) -> Iterator[str]:
    """Return the address of the page."""
    from eval.demo.page import build_page

    page = build_page(MODELS | {"tiny": tiny}, ENCODER, PAPERS)
    yield launch(page)
    page.close()


@pytest.fixture(scope="module")
def browser(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Return a real Chromium that shows the page."""
    with running_browser(tmp_path_factory.mktemp("profile"), 1200, 1400) as started:
        started.implicitly_wait(60)
        started.get(url)
        yield started


def test_choose_ask_and_read_in_a_browser(browser: Any, url: str) -> None:
    """Search a paper, choose its question, ask: answers side by side, the cited sentence marked, hostile text as text.

    Nothing is loaded from another address.
    """
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.wait import WebDriverWait

    def text(selector: str) -> str:
        return browser.find_element("css selector", selector).text

    def value(name: str) -> str:
        return browser.find_element("css selector", f"#{name} textarea").get_property("value")

    wait = WebDriverWait(browser, 120)
    search = browser.find_element("css selector", "#paper input")
    search.click()
    search.send_keys("on buses", Keys.ENTER)
    wait.until(lambda _: value("abstract") == ABSTRACT)
    labels = browser.find_elements("css selector", "#questions label")
    assert [label.text for label in labels] == [QUESTION, "How many cores?"]
    labels[0].click()
    wait.until(lambda _: value("question") == QUESTION)
    browser.find_element("css selector", "#ask").click()
    wait.until(lambda _: len(browser.find_elements("css selector", "#result article")) == 3)

    assert [title.text for title in browser.find_elements("css selector", "#result h3")][:4] == [
        *("Reference answer", "full", "tiny", "Abstract, with the sentences nearest to the answers"),
    ]
    reference, full = (text(f"#result article:nth-child({number})") for number in (1, 2))
    assert REFERENCE in reference and REFERENCE in full
    assert re.findall(r"\d\.\d\d", full) == ["1.00"]
    assert text("#result article:nth-child(2) .unsupported dd") == "7, DDR5 <b>"
    marked = [mark.text.split("\n") for mark in browser.find_elements("css selector", "#result mark")]
    assert any(CITED in " ".join(mark) and "full" in " ".join(mark) for mark in marked)
    assert browser.title == "ISCA-QA"
    assert browser.execute_script("return document.querySelectorAll('img[src=x]').length") == 0
    asked = {
        address
        for entry in browser.get_log("performance")
        for address in re.findall(r'"method":"Network.requestWillBeSent".*?"url":"(http[^"]+)"', entry["message"])
    }
    assert asked and all(address.startswith(url) for address in asked), asked


@pytest.fixture(scope="module")
def client(url: str) -> Any:
    """Return a client of the page's API."""
    from gradio_client import Client

    return Client(url, verbose=False, analytics_enabled=False)


def test_api_has_the_answer_of_each_model(client: Any, tiny: Answerer) -> None:
    """The tiny model's answer is that of `eval answer`; without a reference answer there is no similarity."""
    full, other = client.predict("Caches are\nsmall.", "Why?", api_name="/answer")
    expected = tiny.answer(AskedQuestion("Why?", "Caches are\nsmall."))
    assert (
        CitedAnswer(abstract="", **{name: other[name] for name in other.keys() - {"model", "similarity"}}) == expected
    )
    assert (full["model"], full["similarity"]) == ("full", None)


def test_api_knows_the_reference_answers(client: Any) -> None:
    """A pasted abstract of the corpus has its reference answers."""
    full, _ = client.predict(ABSTRACT.replace(". ", ".\n"), QUESTION, api_name="/answer")
    assert full["similarity"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("abstract", "question", "message"),
    [
        (" ", "Why?", "The abstract is empty"),
        ("a" * 5001, "Why?", "The abstract has 5,001 characters. Shorten it to 5,000"),
        ("Caches.", "", "The question is empty"),
        ("Caches.", "a" * 501, "The question has 501 characters"),
    ],
)
def test_what_cannot_be_asked_is_explained(client: Any, abstract: str, question: str, message: str) -> None:
    """As the message that the page shows."""
    from gradio_client.exceptions import AppError

    with pytest.raises(AppError, match=message):
        client.predict(abstract, question, api_name="/answer")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["lab/tiny-demo-model"], "--models lab/tiny-demo-model: must be NAME=MODEL"),
        (["a=lab/m,prompt=few-shot"], "the page cannot ask with prompt=few-shot; use prompt=plain or prompt=chat"),
        (["a=openai:http://x/v1#m"], "the page cannot ask a server"),
    ],
)
def test_models_that_the_page_cannot_ask_are_refused(words: list[str], message: str) -> None:
    """Before a model is loaded, and before a push: the Space would end with the same message."""
    with pytest.raises(InputError, match=re.escape(message)):
        models_of_page(words)


def test_command_loads_models_and_corpus(tiny_base: Path, corpus: Path, encoder: Path) -> None:
    """A question of the corpus has a reference answer, so the answer has a similarity."""
    from gradio_client import Client

    page = load_page([f"a={tiny_base}"], str(corpus), str(encoder))
    paper = next(iter(read_papers(str(corpus)).by_id.values()))
    question = next(iter(paper.references))
    try:
        client = Client(launch(page), verbose=False, analytics_enabled=False)
        (answer,) = client.predict(paper.abstract, question, api_name="/answer")
    finally:
        page.close()
    assert answer["model"] == "a" and -1 <= answer["similarity"] <= 1
