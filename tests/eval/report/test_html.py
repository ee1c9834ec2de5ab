"""report.html as text and in a real Chromium: from disk, without a network, with hostile text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from eval.analysis.scores import VerifierRecord
from eval.asking.evidence import AnswerEvidence, CitedSentence
from eval.report.html import fit_axis, report_html
from tests.browser import running_browser
from tests.eval.report.example import (
    ANSWERS,
    BY_ROLE,
    CORPUS_QUESTIONS,
    HOSTILE,
    METRICS,
    SCORES,
    VALUES,
    config_scores,
)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the report on the example."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    # Only the answer of "bad" to question 1 has evidence.
    evidence = {"plain": {name: [AnswerEvidence([], []) for _ in given] for name, given in ANSWERS["plain"].items()}}
    cited = CitedSentence(start=0, end=12, text="Abstract 0 <b>", score=0.5)
    evidence["plain"]["bad"][1] = AnswerEvidence([cited], ["7", "DDR5 <i>"])
    html = report_html(SCORES, METRICS, CORPUS_QUESTIONS, ANSWERS, VALUES, {"2022": 8, "2023": 7}, evidence)
    path.write_text(html, encoding="utf-8")
    return path


def test_numbers_by_year_are_in_a_table_with_heuristics(page: Path) -> None:
    """Each heading names its column, and each group its papers if they are few."""
    text = page.read_text(encoding="utf-8")
    table = text[text.index("By year of the paper: table") :].partition("</table>")[0]
    assert re.findall(r'<th scope="col">([^<]*)', table) == [
        "year of the paper",
        "2022 (23 questions, only 15 papers)",
        "2023 (22 questions, only 15 papers)",
    ]
    assert re.findall(r'<th scope="row">(\w+)', table) == ["question", "good", "bad", "nearest"]
    assert len(re.findall(r"<td>0\.\d{3}<small>\[0\.\d{3}, 0\.\d{3}\]</small></td>", table)) == 8
    assert "<th>" not in text


def test_matrix_has_each_difference_in_both_directions(page: Path) -> None:
    """The column minus the row: good minus bad is +0.440, bad minus good the opposite with the opposite interval."""
    text = page.read_text(encoding="utf-8").replace("\N{MINUS SIGN}", "-")
    cells = re.findall(r'<td( class="\w+")?><span>([^<]*)</span><small>([^<]*)<br>p ([^<]*)</small>', text)
    assert cells == [
        (' class="lower"', "-0.440", "-0.490 to -0.390", "0.0020"),
        (' class="higher"', "+0.440", "+0.390 to +0.490", "0.0020"),
        ("", "-0.020", "-0.070 to +0.030", "0.8000"),
    ]


def test_matrix_says_what_a_test_can_detect() -> None:
    """In both directions of a difference, and whether the two are equivalent."""
    one = SCORES.differences["plain"][0].model_copy(update={"detectable": 0.0612, "p_equivalent": 0.01})
    scores = SCORES.model_copy(update={"differences": {"plain": [one]}})
    text = report_html(scores, {}, CORPUS_QUESTIONS, ANSWERS, VALUES, {"2022": 1})
    assert text.count("<br>p 0.0020<br>detects 0.061<br>equivalent</small>") == 2


def test_system_without_the_abstract_is_not_compared() -> None:
    """It is in the table of scores with its prompt, but it has neither a row nor a column among the differences."""
    answers = {"plain": {name: ANSWERS["plain"]["good"] for name in BY_ROLE.systems}}
    values = {"plain": {name: VALUES["plain"]["good"] for name in BY_ROLE.systems}}
    text = report_html(BY_ROLE, {}, CORPUS_QUESTIONS, answers, values, {"2022": 1})
    matrix = text[text.index('<table class="matrix">') :].partition("</table>")[0]
    assert re.findall(r'scope="col">([^<]*)', matrix) == ["bad", "chatty", "good"]
    assert re.findall(r'scope="row">(\w+)', matrix) == ["bad", "chatty", "good", "question", "nearest"]
    table = text[text.index("</figure>") :].partition("</table>")[0]
    assert '<tr><th scope="row">memory <small>closed-book prompt</small></th>' in table
    assert '<tr class="quiet"><th scope="row">question repeated <small>heuristic baseline</small></th>' in table
    assert "test by plain, over chatty" in text


def test_support_of_each_answer_is_in_the_data(page: Path) -> None:
    """With the threshold of the verifier; both are null without one."""

    def data(text: str) -> Any:
        return json.loads(text.partition('<script type="application/json" id="data">')[2].partition("</script>")[0])

    verifier = VerifierRecord(sha256="f" * 64, threshold=0.5, auroc=0.9)
    supported: dict[str, list[float | None]] = {"support": [number / 45 for number in range(45)]}
    values = {"plain": {name: metrics | supported for name, metrics in VALUES["plain"].items()}}
    scores = SCORES.model_copy(update={"verifier": verifier})
    found = data(report_html(scores, {}, CORPUS_QUESTIONS, ANSWERS, values, {"2022": 1}))
    assert (found["threshold"], found["questions"][9]["supports"]) == (0.5, [0.2, 0.2])
    without = data(page.read_text(encoding="utf-8"))
    assert (without["threshold"], without["questions"][9]["supports"]) == (None, [None, None])


def test_page_names_no_address_to_load_from(page: Path) -> None:
    """No script, style, image or font from elsewhere; the corpus's text is in it without a tag."""
    text = page.read_text(encoding="utf-8")
    tags = re.findall(r"<\w[^>]*>", text)
    assert [tag for tag in tags if re.search(r"""\b(src|href)=(?!["'](#|data:,))""", tag)] == []
    page_only = text.partition('<script type="application/json"')[0]
    assert not re.search(r"@import|url\((?!#)|https?:", page_only)
    assert "<img" not in text
    assert text.count("</script>") == 2


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([0.31, 0.72], [0.3, 0.4, 0.5, 0.6, 0.7, 0.8]),
        ([-0.1, 0.8], [-0.2, 0.0, 0.2, 0.4, 0.6, 0.8]),
        ([0.5], [0.5, 0.6]),
    ],
)
def test_axis_holds_all_values(values: list[float], ticks: list[float]) -> None:
    """At steps of 0.1, or of 0.2 if the values are further apart; one value has an axis too."""
    assert fit_axis(values).ticks == ticks


def test_plots_side_by_side_have_one_axis() -> None:
    """A mean below 0 in one config begins the axis of both; at steps of 0.5 from -0.5 to 1."""
    bad = SCORES.systems["bad"]
    systems = SCORES.systems | {
        "bad": bad.model_copy(update={"configs": bad.configs | {"other": config_scores(-0.4)}})
    }
    scores = SCORES.model_copy(update={"systems": systems, "differences": {**SCORES.differences, "other": []}})
    scores = scores.model_copy(update={"agreement": {**SCORES.agreement, "other": SCORES.agreement["plain"]}})
    text = report_html(scores, {}, {}, {}, {}, {"2022": 1})
    axes = re.findall(r'<div class="row axis".*?</div><span>', text, re.DOTALL)
    assert len(axes) == 8
    assert {tuple(re.findall(r">(-?[\d.]+)</b>", axis)) for axis in axes} == {("-0.5", "0.0", "0.5", "1.0")}


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
    """Reference answer, then the systems in order, with their similarity; markup in an answer is text."""
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


def test_cut_answers_are_marked(shown: Any) -> None:
    """Every answer of "bad" is cut off, and no answer of "good"."""
    first = shown.find_element("css selector", "article")
    answers = [div.text.split("\n") for div in first.find_elements("css selector", ".answers > div")]
    assert [lines[-1] for lines in answers] == [
        "It is the number 0.",
        "The good answer 0 <b>",
        "cut off at 64 tokens",
    ]


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


def test_print_has_every_answer_and_the_dots(shown: Any) -> None:
    """All 45 questions in place of the 20 on the page, and the dots, which are backgrounds; the page returns after."""
    shown.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert questions(shown) == list(range(45))
    shown.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    dot = "getComputedStyle(document.querySelector('.dot')).printColorAdjust"
    assert shown.execute_script(f"return {dot}") == "exact"
    shown.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    shown.execute_script("dispatchEvent(new Event('afterprint'))")
    assert questions(shown) == list(range(20))


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
    """At 360 pixels nothing is wider than the window, a word of 3,000 letters included, and each table shows a value.

    The dark scheme has light text on a dark ground.
    """
    shown.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 360, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    )
    assert shown.execute_script("return document.documentElement.scrollWidth") <= 360
    shown.execute_script("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
    cells = "[...document.querySelectorAll('table')].map((table) => table.querySelector('tbody td'))"
    assert max(shown.execute_script(f"return {cells}.map((cell) => cell.getBoundingClientRect().right)")) <= 360
    assert shown.execute_script("return document.documentElement.scrollWidth") <= 360
    grounds = []
    for scheme in ("light", "dark"):
        feature = {"name": "prefers-color-scheme", "value": scheme}
        shown.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        color = shown.execute_script("return getComputedStyle(document.body).backgroundColor")
        grounds.append(sum(map(int, re.findall(r"\d+", color)[:3])))
    shown.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert grounds[0] > 600 and grounds[1] < 120
