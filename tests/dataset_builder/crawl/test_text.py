"""Titles, abstracts and pages: cleaning, reasons to refuse a text, and the abstract of a page."""

from __future__ import annotations

import json

import pytest

from dataset_builder.crawl.cleanup import clean_abstract, clean_title, same_title
from dataset_builder.crawl.listing import reason_left_out
from dataset_builder.crawl.sources.publisher_page import parse_page
from tests.crawl_server import abstract_of

GOOD = abstract_of(5)
TEX = r'<tex-math notation="LaTeX">$2.3\times$ </tex-math>'
MATHML = "<mml:math><mml:mn>2.3</mml:mn><mml:mo>\u00d7</mml:mo></mml:math>"
WITHDRAWN = (
    "has been withdrawn by the authors due to a crucial error in Equation 3, and a corrected version was posted under "
    "a new number, with a proof and with the measurements."
)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (GOOD, GOOD),
        (f"ABSTRACT: {GOOD}", GOOD),
        (f"<jats:title>Abstract</jats:title><jats:p>{GOOD}</jats:p>", GOOD),
        (f"&lt;p&gt;{GOOD}&lt;/p&gt;", GOOD),
        (f"{GOOD} O(n<sup>2</sup>) at 5&#160;W &amp; less.", f"{GOOD} O(n2) at 5 W & less."),
        (f"<p>{GOOD} It stores &lt;address, value&gt; pairs.</p>", f"{GOOD} It stores <address, value> pairs."),
        (f"Summary-based analysis is slow. {GOOD}", f"Summary-based analysis is slow. {GOOD}"),
        (f"{GOOD} Where a<b and c>d, x < 5.", f"{GOOD} Where a<b and c>d, x < 5."),
        (f"{GOOD} M\u00c3\u00bcller\u00e2\u20ac\u2122s cache.", f"{GOOD} M\u00fcller's cache."),
        (f"{GOOD} <noscript><p>Turn on <b>scripts</b>.</p></noscript> It is small.", f"{GOOD} It is small."),
        (f"{GOOD} By <jats:inline-formula>{TEX}</jats:inline-formula>.", f"{GOOD} By 2.3\u00d7."),
        (
            rf"{GOOD} By <tex-math>\documentclass{{minimal}}\begin{{document}}$$ O(n) $$\end{{document}}</tex-math>.",
            f"{GOOD} By O(n).",
        ),
        (
            f"{GOOD} By <jats:inline-formula><alternatives>{TEX}{MATHML}</alternatives></jats:inline-formula>.",
            f"{GOOD} By 2.3\u00d7.",
        ),
        (
            f"{GOOD} By <mml:mfrac><mml:mn>1</mml:mn><mml:mn>2</mml:mn></mml:mfrac> more.",
            f"{GOOD} By 1/2 more.",
        ),
        (f"{GOOD} Copyright \u00a9 2013 IEEE. All rights reserved.", GOOD),
        (f"Abstract interpretation helps. {GOOD}", f"Abstract interpretation helps. {GOOD}"),
        (f"Most sites use cookies to track users. {GOOD}", f"Most sites use cookies to track users. {GOOD}"),
        (f"Abstract State Maps (ASM) help. {GOOD}", f"Abstract State Maps (ASM) help. {GOOD}"),
        (f"{GOOD} &#{'9' * 5000};&#x{'9' * 5000};.", f"{GOOD} \ufffd\ufffd."),
        (
            f"{GOOD} It is a ca\u200bche of\u202e \u2066wi\u00addth\ufeff\x00 one.",
            f"{GOOD} It is a cache of width one.",
        ),
        (f"If the work is withdrawn, a core sleeps. {GOOD}", f"If the work is withdrawn, a core sleeps. {GOOD}"),
    ],
)
def test_abstract_is_cleaned(sent: str, kept: str) -> None:
    """Tags, entities, wrong encodings, labels and copyright lines are removed; the words stay."""
    assert clean_abstract(sent) == (kept, None)


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (None, "no abstract given"),
        ("No abstract available.", "says that there is no abstract"),
        (f"This paper {WITHDRAWN}", "says that there is no abstract"),
        (f"This site uses cookies to serve you better. {GOOD}", "cookie text"),
        (f"Access Denied. You don't have permission to see this page. {GOOD}", "a challenge instead of the page"),
        (f"{GOOD[:-1]} and so ...", "cut off"),
        (f"{GOOD} In addition, the", "cut off"),
        # Hours, if more than the last word were searched.
        pytest.param(f"{GOOD} {'www.a.' * 8000} x", "cut off", id="many addresses"),
        (f"{GOOD} We... [Read more]", "cut off"),
        ("We build a cache.", "too short"),
        (f"{GOOD} {'<p> </p>' * 10_000}", "too long"),
        ("cache, memory, prefetching, latency, bandwidth, simulation, " * 5, "not prose"),
    ],
)
def test_other_text_is_refused_with_its_reason(sent: str | None, reason: str) -> None:
    """Only prose of some length is accepted."""
    assert clean_abstract(sent) == (None, reason)


@pytest.mark.parametrize(
    ("title", "kept"),
    [
        ("Caches of Tomorrow.", "Caches of Tomorrow"),
        ("Who Needs Caches?", "Who Needs Caches?"),
        ("To be continued...", "To be continued..."),
        ("H<sub>2</sub>O &amp; Heat.", "H2O & Heat"),
    ],
)
def test_title_is_cleaned(title: str, kept: str) -> None:
    """DBLP adds a full stop to a title."""
    assert clean_title(title) == kept


@pytest.mark.parametrize(
    ("ours", "theirs", "same"),
    [
        ("A Cache: Small and Fast, Yet Cheap", "A cache - small & fast, yet cheap", True),
        ("Longtitle Cache: A Study of Misses", "Longtitle Cache", True),
        ("A Multi-core Scheduler for Servers", "A multicore scheduler for servers", True),
        ("A Case for Small Caches", "A Case for Wide Branch Prediction", False),
        ("Cache", "Cache Coherence in Large Machines", False),
        # Ten minutes of comparing, if the lengths did not decide.
        pytest.param("A Case for Small Caches", "abcdefghij" * 2_000_000, False, id="20 MB"),
    ],
)
def test_titles_of_the_same_paper(ours: str, theirs: str, same: bool) -> None:
    """The spelling may differ, the words may not."""
    assert same_title(ours, theirs) is same


@pytest.mark.parametrize(
    ("title", "reason"),
    [
        ("Message from the General Chairs", "front matter"),
        ("Welcome to Sleepy Caches: Memory that Rests", None),
        ("Table of Contents", "front matter"),
        ("Keynote: The Next Forty Years", "keynote"),
        ("RETRACTED: A Faster Cache", "retraction"),
        ("Message Passing on Small Machines", None),
        ("Retracting Speculative Stores", None),
        ("A Keynote on Disk: Storing Presentations", None),
        ("", "no title"),
    ],
)
def test_entries_other_than_papers_are_left_out(title: str, reason: str | None) -> None:
    """Front matter, keynotes and retractions are recognized; papers with such words in their titles are kept."""
    assert reason_left_out(title) == reason


def test_page_of_acm_in_paragraphs() -> None:
    """Several paragraphs are one abstract, without the heading."""
    html = (
        '<meta name="citation_title" content="A Title"><section id="abstract"><h2>Abstract</h2>'
        f'<div role="paragraph">{GOOD}</div><div role="paragraph">{abstract_of(6)}</div></section>'
        '<section id="references"><div role="paragraph">Another.</div></section>'
    )
    answer = parse_page(html)
    assert answer.title == "A Title"
    assert clean_abstract(answer.abstract) == (f"{GOOD} {abstract_of(6)}", None)


def test_paragraph_within_a_paragraph_is_read_once() -> None:
    """A page of 3,000 paragraphs, each in the one before, would give a text of 100 MB."""
    html = '<section id="abstract"><div role="paragraph"><p><div role="paragraph">{}</div></p></div></section>'
    assert clean_abstract(parse_page(html.format(GOOD)).abstract) == (GOOD, None)


@pytest.mark.parametrize("layout", ["div class='article__abstract'", "div class='abstractSection abstractInFull'"])
def test_pages_of_acm_of_earlier_years(layout: str) -> None:
    """The element with the paragraphs is preferred to a description that is cut off."""
    html = f"<meta property='og:description' content='Machine 5...'><h1>A Title</h1><{layout}><p>{GOOD}</p></div>"
    answer = parse_page(html)
    assert (answer.title, *clean_abstract(answer.abstract)) == ("A Title", GOOD, None)


def test_page_of_ieee() -> None:
    """The metadata are read from a script with more code after them."""
    metadata = json.dumps({"title": "A Title", "abstract": f"{GOOD} And a </em> tag;"}).replace("/", "\\/")
    answer = parse_page(f"<script>var a = 1; xplGlobal.document.metadata={metadata}; var b = {{}};</script>")
    assert (answer.title, answer.abstract) == ("A Title", f"{GOOD} And a </em> tag;")
