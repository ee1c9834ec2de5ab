"""The page in a real Chromium and through Gradio's client: one server, a scripted model and a tiny one."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dataset_builder.errors import InputError
from dataset_builder.formats import write_format
from dataset_builder.models.folders import find_encoder, find_model
from eval.asking.abstention import ABSTENTION_FILE, Abstention
from eval.asking.answerer import ABSTAINED, Answerer, AskedQuestion
from eval.asking.evidence import CitedAnswer, CitedSentence
from eval.demo.models import DemoModels
from eval.demo.papers import DemoPapers, read_papers
from eval.demo.serve import find_systems, launch, load_page
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
    """Gives one answer to every question: the reference answer with the second sentence, or none."""

    def __init__(self, abstained: bool) -> None:
        self.abstained = abstained

    def stream(self, asked: AskedQuestion) -> Iterator[str | CitedAnswer]:
        """Yield the first word, then the answer."""
        yield "They"
        start = asked.text.find("Buses")
        evidence = [CitedSentence(start=start, end=start + len(CITED), text=CITED, score=0.9)]
        yield CitedAnswer(
            abstract="",
            question=asked.question,
            answer=ABSTAINED if self.abstained else REFERENCE,
            evidence=[] if self.abstained or start < 0 else evidence,
            unsupported=[] if self.abstained else ["7", "DDR5 <b>"],
            relevance=0.125 if self.abstained else 0.75,
            support=None if self.abstained else 0.875,
            abstained=self.abstained,
        )


ENCODER: Any = LetterEncoder()
MODELS: dict[str, Any] = {"full": ScriptedAnswerer(False), "lora": ScriptedAnswerer(True)}


@pytest.fixture(scope="module")
def tiny(tiny_base: Path) -> Answerer:
    """Return a tiny model of random weights."""
    return Answerer(find_model("tiny", str(tiny_base)), ENCODER)


@pytest.fixture(scope="module")
def url(tiny: Answerer) -> Iterator[str]:
    """Return the address of the page."""
    from eval.demo.page import build_page

    page = build_page(DemoModels(MODELS | {"tiny": tiny}, ENCODER), PAPERS)
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
    wait.until(lambda _: len(browser.find_elements("css selector", "#result .finished")) == 3)

    assert [title.text for title in browser.find_elements("css selector", "#result h3")][:4] == [
        *("Reference answer", "full", "lora", "tiny"),
    ]
    reference, full, lora = (text(f"#result article:nth-child({number})") for number in (1, 2, 3))
    assert REFERENCE in reference and REFERENCE in full and ABSTAINED in lora
    assert re.findall(r"\d\.\d\d", full) == ["0.88", "1.00"] and re.findall(r"\d\.\d\d", lora) == ["0.12"]
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


def test_example_is_asked_by_one_click(browser: Any) -> None:
    """The first example is on the first paper by title."""
    from selenium.common.exceptions import ElementClickInterceptedException
    from selenium.webdriver.support.wait import WebDriverWait

    def click(_: object) -> bool:
        browser.find_element("css selector", "#examples tbody td").click()
        return True

    wait = WebDriverWait(browser, 120, ignored_exceptions=[ElementClickInterceptedException])
    browser.refresh()
    # The table moves while the page loads.
    wait.until(click)
    wait.until(lambda _: len(browser.find_elements("css selector", "#result .finished")) == 3)
    assert browser.find_element("css selector", "#result .reference p").text == "Very."


@pytest.fixture(scope="module")
def client(url: str) -> Any:
    """Return a client of the page's API."""
    from gradio_client import Client

    return Client(url, verbose=False, analytics_enabled=False)


def test_api_has_the_answer_of_each_model(client: Any, tiny: Answerer) -> None:
    """The tiny model's answer is that of `eval answer`; without a reference answer there is no similarity."""
    full, lora, other = client.predict("Caches are\nsmall.", "Why?", api_name="/answer")
    (expected,) = next(tiny.answer_in_batches([AskedQuestion("Why?", "Caches are\nsmall.")])).values()
    assert (
        CitedAnswer(abstract="", **{name: other[name] for name in other.keys() - {"model", "similarity"}}) == expected
    )
    assert (full["model"], full["support"], full["similarity"]) == ("full", 0.875, None)
    assert (lora["answer"], lora["abstained"]) == (ABSTAINED, True)


def test_api_knows_the_reference_answers(client: Any) -> None:
    """A pasted abstract of the corpus has its reference answers; a model that was not asked has no similarity."""
    full, lora, _ = client.predict(ABSTRACT.replace(". ", ".\n"), QUESTION, api_name="/answer")
    assert full["similarity"] == pytest.approx(1) and lora["similarity"] is None


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
    ("option", "message"),
    [
        ("prompt=few-shot", "cannot ask with prompt=few-shot; use prompt=plain or prompt=chat"),
        ("decoding=mbr", "decoding=mbr is not available here; use greedy or guarded"),
    ],
)
def test_systems_that_the_page_cannot_ask_are_refused(tiny_base: Path, option: str, message: str) -> None:
    """They need the training split or many samples. Models are guarded unless the command says otherwise."""
    with pytest.raises(InputError, match=message):
        find_systems([f"a={tiny_base},{option}"])
    assert [system.method for system in find_systems([f"a={tiny_base}", f"b={tiny_base},decoding=greedy"])] == [
        *("guarded", "greedy"),
    ]


def test_command_loads_models_corpus_and_verifier(
    tmp_path: Path, tiny_base: Path, corpus: Path, encoder: Path, verifier: Path
) -> None:
    """A model without a threshold is asked every question, and the verifier scores the answer; another abstains."""
    from gradio_client import Client

    abstaining = Path(shutil.copytree(tiny_base, tmp_path / "abstaining"))
    threshold = Abstention(
        **{"encoder": find_encoder("--encoder", str(encoder)).label, "dataset_revision": "r"},
        **{"questions": 1, "papers": 1, "threshold": 1.0, "asked": 0.0, "foreign_asked": None},
    )
    write_format(abstaining / ABSTENTION_FILE, threshold)
    page = load_page([f"a={tiny_base}", f"b={abstaining}"], str(corpus), str(encoder), str(verifier))
    paper = next(iter(read_papers(str(corpus)).by_id.values()))
    question = next(iter(paper.references))
    try:
        client = Client(launch(page), verbose=False, analytics_enabled=False)
        answer, other = client.predict(paper.abstract, question, api_name="/answer")
    finally:
        page.close()
    assert (answer["model"], answer["abstained"]) == ("a", False)
    assert (other["answer"], other["abstained"], other["support"]) == (ABSTAINED, True, None)
    assert 0 < answer["support"] < 1 and -1 <= answer["similarity"] <= 1
