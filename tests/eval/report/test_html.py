"""report.html as text and in a real Chromium: from disk, without a network, with hostile text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from eval.asking.evidence import AnswerEvidence, CitedSentence
from eval.report.html import axis_position, report_html
from tests.browser import running_browser
from tests.eval.report.example import (
    ANSWERS,
    BY_ROLE,
    CORPUS_QUESTIONS,
    HOSTILE,
    METRICS,
    SCORES,
    VALUES,
)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the report on the example."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    # Only the answer of "bad" to question 1 has evidence.
    evidence = {"plain": {name: [AnswerEvidence([], []) for _ in given] for name, given in ANSWERS["plain"].items()}}
    cited = CitedSentence(start=0, end=12, text="Abstract 0 <b>", score=0.5)
    evidence["plain"]["bad"][1] = AnswerEvidence([cited], ["7", "DDR5 <i>"])
    html = report_html(SCORES, METRICS, CORPUS_QUESTIONS, ANSWERS, VALUES, evidence)
    path.write_text(html, encoding="utf-8")
    return path


def test_matrix_has_each_difference_in_both_directions(page: Path) -> None:
    """The column minus the row: good minus bad is +0.440, bad minus good the opposite with the opposite interval."""
    text = page.read_text(encoding="utf-8").replace("\N{MINUS SIGN}", "-")
    cells = re.findall(r'<td( class="\w+")?><span>([^<]*)</span><small>([^<]*)<br>p ([^<]*)</small>', text)
    assert cells == [
        (' class="lower"', "-0.440", "-0.490 to -0.390", "0.0020"),
        (' class="higher"', "+0.440", "+0.390 to +0.490", "0.0020"),
        ("", "-0.020", "-0.070 to +0.030", "0.8000"),
    ]


def test_system_without_the_abstract_is_not_compared() -> None:
    """It is in the table of scores with its prompt, but it has neither a row nor a column among the differences."""
    answers = {"plain": {name: ANSWERS["plain"]["good"] for name in BY_ROLE.systems}}
    values = {"plain": {name: VALUES["plain"]["good"] for name in BY_ROLE.systems}}
    text = report_html(BY_ROLE, {}, CORPUS_QUESTIONS, answers, values)
    matrix = text[text.index('<table class="matrix">') :].partition("</table>")[0]
    assert re.findall(r'scope="col">([^<]*)', matrix) == ["bad", "chatty", "good"]
    assert re.findall(r'scope="row">(\w+)', matrix) == ["bad", "chatty", "good", "question", "nearest"]
    table = text[text.index("</figure>") :].partition("</table>")[0]
    assert '<tr><th scope="row">memory <small>closed-book prompt</small></th>' in table
    assert '<tr class="quiet"><th scope="row">question repeated <small>heuristic baseline</small></th>' in table
    assert "test by plain, over chatty" in text


def test_page_names_no_address_to_load_from(page: Path) -> None:
    """No script, style, image or font from elsewhere; the corpus's text is in it without a tag."""
    text = page.read_text(encoding="utf-8")
    tags = re.findall(r"<\w[^>]*>", text)
    assert [tag for tag in tags if re.search(r"""\b(src|href)=(?!["'](#|data:,))""", tag)] == []
    page_only = text.partition('<script type="application/json"')[0]
    assert not re.search(r"@import|url\((?!#)|https?:", page_only)
    assert "<img" not in text
    assert text.count("</script>") == 2


def test_value_beyond_the_axis_is_at_its_end() -> None:
    """The axis of the dot plots is from 0 to 1."""
    assert [axis_position(value) for value in (-0.1, 0.25, 1.0)] == ["0.00%", "25.00%", "100.00%"]


@pytest.fixture(scope="module")
def browser(page: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Return a real Chromium that shows the page from disk."""
    with running_browser(tmp_path_factory.mktemp("profile"), 1200, 900) as started:
        started.get(page.as_uri())
        yield started


@pytest.fixture
def shown(browser: Any) -> Any:
    """Return the page as it opens; what the browser logged before, its own first page included, is dropped."""
    browser.get_log("performance")
    browser.refresh()
    return browser


def questions(browser: Any) -> list[int]:
    """Return the numbers of the questions on the page, from the top."""
    headings = browser.find_elements("css selector", "article h4")
    return [int(re.search(r"\d+", heading.text).group()) for heading in headings]


def choose(browser: Any, select: str, text: str) -> None:
    """Choose the entry `text` of a list."""
    from selenium.webdriver.support.select import Select

    Select(browser.find_element("id", select)).select_by_visible_text(text)


def test_page_opens_from_disk_and_asks_for_nothing(shown: Any, page: Path) -> None:
    """No error in the console and one request, for the file itself; twenty questions in the corpus's order."""
    assert [entry for entry in shown.get_log("browser") if entry["level"] == "SEVERE"] == []
    asked = {
        url
        for entry in shown.get_log("performance")
        for url in re.findall(r'"method":"Network.requestWillBeSent".*?"url":"([^"]+)"', entry["message"])
    }
    assert page.as_uri() in asked and asked <= {page.as_uri(), "data:,"}
    assert questions(shown) == list(range(20))
    assert shown.find_element("id", "count").text == "45 of 45 questions"


def test_answers_of_all_systems_are_beside_the_reference_answer(shown: Any) -> None:
    """Reference answer, then the systems in order, with their similarity; markup in an answer is text.

    Every answer of "bad" is cut off, and no answer of "good".
    """
    first = shown.find_element("css selector", "article")
    assert [who.text.split("\n") for who in first.find_elements("css selector", ".who")] == [
        ["reference answer"],
        ["good", "0.500"],
        ["bad", "0.500"],
    ]
    assert [text.text for text in first.find_elements("css selector", ".answers p")] == [
        "It is the number 0.",
        "The good answer 0 <b>",
        "The bad answer 0 <b>",
    ]
    answers = [div.text.split("\n") for div in first.find_elements("css selector", ".answers > div")]
    assert [lines[-1] for lines in answers][1:] == ["The good answer 0 <b>", "cut off at 64 tokens"]


def test_cited_sentence_and_unsupported_parts_are_below_their_answer(shown: Any) -> None:
    """As text, each unsupported part marked; the other answers have neither."""
    second = shown.find_elements("css selector", "article")[1]
    reference, good, bad = second.find_elements("css selector", ".answers > div")
    assert [quote.text for quote in bad.find_elements("css selector", "blockquote")] == ["Abstract 0 <b>"]
    assert [mark.text for mark in bad.find_elements("css selector", ".unsupported mark")] == ["7", "DDR5 <i>"]
    for answer in (reference, good):
        assert answer.find_elements("css selector", "blockquote, .unsupported") == []


def test_abstract_and_link_to_the_paper(shown: Any) -> None:
    """The abstract as text; a link only with an address of the web, not with a script."""
    for number, links in ((0, ["https://doi.org/10.1145/1"]), (3, []), (6, [])):
        article = shown.find_elements("css selector", "article")[number]
        assert [link.get_attribute("href") for link in article.find_elements("css selector", "a")] == links
        article.find_element("css selector", "summary").click()
        assert article.find_element("css selector", "details p").text == f"Abstract {number // 3} <b>"


def test_sorting_by_difference(shown: Any) -> None:
    """By good minus bad, the last question is first; by bad minus good, the first one, where both are equal."""
    choose(shown, "sort", "good better than bad")
    assert questions(shown) == list(range(44, 24, -1))
    choose(shown, "sort", "bad better than good")
    assert questions(shown) == list(range(20))
    choose(shown, "sort", "bad: worst first")
    assert questions(shown)[0] == 44


def test_searching_and_pages(shown: Any) -> None:
    """Words in any order and case; 45 questions are three pages, and a search goes back to the first."""
    forward = shown.find_element("id", "next")
    forward.click()
    forward.click()
    assert questions(shown) == list(range(40, 45))
    assert not forward.is_enabled()
    search = shown.find_element("id", "search")
    search.send_keys("NUMBER title 44")
    assert questions(shown) == [44]
    assert {mark.text.lower() for mark in shown.find_elements("css selector", "article mark")} == {
        "title",
        "number",
        "44",
    }
    search.clear()
    search.send_keys("nothing like it (")
    assert questions(shown) == []


def test_hostile_title_stays_text(shown: Any) -> None:
    """Neither the end of a script nor an image's handler does anything; both are shown as they are."""
    search = shown.find_element("id", "search")
    search.send_keys("onerror")
    assert questions(shown) == [7]
    assert HOSTILE in shown.find_element("css selector", "article header").text
    assert shown.title == "Evaluation of good, bad"
    assert shown.find_elements("css selector", "img") == []
    assert HOSTILE in shown.find_element("css selector", ".facts").text


def test_page_fits_a_phone_and_follows_the_dark_scheme(shown: Any) -> None:
    """At 360 pixels nothing is wider than the window, a word of 3,000 letters included; the dark scheme is dark."""
    shown.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 360, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    )
    assert shown.execute_script("return document.documentElement.scrollWidth") <= 360
    grounds = []
    for scheme in ("light", "dark"):
        feature = {"name": "prefers-color-scheme", "value": scheme}
        shown.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        color = shown.execute_script("return getComputedStyle(document.body).backgroundColor")
        grounds.append(sum(map(int, re.findall(r"\d+", color)[:3])))
    shown.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert grounds[0] > 600 and grounds[1] < 120
