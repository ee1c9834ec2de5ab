"""report.html in a real Chromium: from disk, without a network, with hostile text."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.crawl.sources.browser import FLAGS, find_browser
from eval.analysis.aggregate import score_all
from eval.analysis.heuristics import Reference
from eval.report.html import report_html
from eval.report.markdown import report_markdown

HOSTILE = "</script><script>document.title = 'broken'</script><img src=x onerror=\"document.title = 'broken'\">"
QUESTIONS = 45


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a report on 45 questions of one config: "good" wins by more the later the question, "bad" is worse."""
    rows = [
        {
            "paper_id": str(number // 3),
            "year": 2022 + number % 2,
            "title": HOSTILE if number == 7 else f"Title {number}",
            "question": f"What is number {number}?",
            "answer": f"It is the number {number}.",
        }
        for number in range(QUESTIONS)
    ]
    similarities = {
        "good": [0.5 + number / 100 for number in range(QUESTIONS)],
        "bad": [0.5 - number / 100 for number in range(QUESTIONS)],
    }
    answers = {
        name: {"plain": [f"The {name} answer {number} <b>" for number in range(QUESTIONS)]} for name in similarities
    }
    measured = {"plain": {name: {"cosine_similarity": values} for name, values in similarities.items()}}
    floor = Reference("question repeated", "floor", [row["question"] for row in rows])
    of_floor = {"plain": {floor.name: {"cosine_similarity": [0.4 + number % 5 / 20 for number in range(QUESTIONS)]}}}
    scores = {
        "dataset": HOSTILE,
        "revision": "r",
        "encoders": ["e"],
        **score_all({"plain": rows}, measured, {"plain": [floor]}, of_floor),
    }
    metrics = {
        "good": {
            "train_seconds": 61,
            "trainable_parameters": 1234,
            "peak_memory_bytes": 2**30,
            "loss_by_step": [{"epoch": 0.5, "loss": 3.0}, {"epoch": 1.0, "loss": 2.0}],
        }
    }
    markdown = report_markdown(scores, metrics)
    assert "**Test by plain: only 15 papers." in markdown
    # In the tables by year, kind and length as well: a floor's row, and the mark of a group on few papers.
    assert markdown.count("| floor: question repeated |") == 5
    assert (
        "| similarity by year | 2022 (23 questions, only 15 papers) | 2023 (22 questions, only 15 papers) |"
        in markdown
    )
    assert "| lora | 0.623 | 0.622 | 0.628 | 0.620 | 0.679 |" in markdown
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(
        report_html(scores, metrics, {"plain": rows}, answers, measured, {"2022": 8, "2023": 7}), encoding="utf-8"
    )
    return path


def test_numbers_by_year_are_in_a_table_with_floors(page: Path) -> None:
    """Each heading names its column, and each group its papers where they are few."""
    text = page.read_text(encoding="utf-8")
    table = text[text.index("By year of the paper: the numbers") :].partition("</table>")[0]
    assert re.findall(r'<th scope="col">([^<]*)', table) == [
        "2022 (23 questions, only 15 papers)",
        "2023 (22 questions, only 15 papers)",
    ]
    assert re.findall(r'<th scope="row">(\w+)', table) == ["question", "good", "bad"]
    assert len(re.findall(r"<td>0\.\d{3} \(0\.\d{3} to 0\.\d{3}\)</td>", table)) == 6
    assert "<th>" not in text


def test_page_names_no_address_to_load_from(page: Path) -> None:
    """No script, style, image or font from elsewhere; the corpus's text stands in it without a tag."""
    text = page.read_text(encoding="utf-8")
    tags = re.findall(r"<\w[^>]*>", text)
    assert [tag for tag in tags if re.search(r"""\b(src|href)=(?!["'](#|data:,))""", tag)] == []
    assert not re.search(r"@import|url\(|https?:", text)
    assert "<img" not in text
    assert text.count("</script>") == 2


@pytest.fixture(scope="module")
def browser(page: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Return a real Chromium that shows the page from disk; without one the tests fail in CI and are skipped else."""
    if find_browser() is None:
        message = "no Chromium with its chromedriver: apt-get install chromium chromium-driver"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    from selenium.webdriver import Chrome, ChromeOptions, ChromeService

    options = ChromeOptions()
    options.binary_location, driver = find_browser()
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}", "--window-size=1200,900"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    with Chrome(options, ChromeService(driver)) as started:
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
    """No error in the console, one request, that for the file itself; twenty examples in the corpus's order."""
    assert [entry for entry in shown.get_log("browser") if entry["level"] == "SEVERE"] == []
    asked = {
        url
        for entry in shown.get_log("performance")
        for url in re.findall(r'"method":"Network.requestWillBeSent".*?"url":"([^"]+)"', entry["message"])
    }
    assert page.as_uri() in asked and asked <= {page.as_uri(), "data:,"}
    assert questions(shown) == list(range(20))
    assert shown.find_element("id", "count").text == "45 of 45 questions"


def test_every_models_answer_stands_beside_the_reference(shown: Any) -> None:
    """Reference, then the models in order, with their similarity; markup in an answer is text."""
    first = shown.find_element("css selector", "article")
    assert [who.text.split("\n") for who in first.find_elements("css selector", ".who")] == [
        ["reference"],
        ["good", "0.500"],
        ["bad", "0.500"],
    ]
    assert [text.text for text in first.find_elements("css selector", ".answers p")] == [
        "It is the number 0.",
        "The good answer 0 <b>",
        "The bad answer 0 <b>",
    ]


def test_sorting_by_difference(shown: Any) -> None:
    """Good ahead of bad: the last question has the largest difference, the first none; the other way round, too."""
    choose(shown, "sort", "good ahead of bad")
    assert questions(shown) == list(range(44, 24, -1))
    choose(shown, "sort", "bad ahead of good")
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
    """At 360 pixels nothing is wider than the window; the dark scheme has light text on a dark ground."""
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
