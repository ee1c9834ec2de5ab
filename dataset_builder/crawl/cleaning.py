"""Cleaning: from what a source sends to plain text, and what is no abstract although it stands in its place."""

from __future__ import annotations

import html
import re

import ftfy
from bs4 import BeautifulSoup

# The shortest abstract of ISCA 2013-2024 has 423 characters.
SHORTEST = 150

# A tag of HTML, JATS or MathML: known by an attribute, a closing or a prefix, or as one of those in use for text, so
# that "a<b" in running text is none.
TAG = re.compile(
    r"</[a-z][\w:-]*\s*>|<[a-z]+:[\w-]+[^<>]*>|<[a-z][\w-]*(?:\s+[\w:-]+\s*=\s*(?:\"[^\"]*\"|'[^']*'))+\s*/?>"
    r"|<(?:p|br|div|span|sub|sup|i|b|em|strong|italic|bold|sec|title|h\d|ul|ol|li)\s*/?>",
    re.IGNORECASE,
)
# Tags inside a word or a line; every other one ends it.
INLINE = {"sub", "sup", "i", "b", "em", "strong", "italic", "bold", "sc", "span", "a", "u", "tt", "code", "font"}
INLINE |= {"mml:math", "mml:mi", "mml:mn", "mml:mo", "mml:mrow", "mml:msup", "mml:msub", "math", "mi", "mn", "mo"}
UNSEEN = {"script", "style", "noscript", "tex-math"}

LABEL = re.compile(
    r"(?:abstract|ABSTRACT|Abstract|Summary|SUMMARY)(?:\s*[:.\u2013\u2014-]\s*|\s+(?=[A-Z0-9\"'(])|(?=[A-Z]))"
)
COPYRIGHT = re.compile(r"\s*(?:\u00a9|\(c\)|copyright)\s*(?:\u00a9|\(c\))?\s*(?:19|20)\d\d\b.{0,100}$", re.IGNORECASE)
PLACEHOLDER = re.compile(
    r"no abstract (?:is )?available|abstract (?:is )?(?:not|un) ?available|(?:article|paper|entry) has no abstract"
    r"|an abstract is not available",
    re.IGNORECASE,
)
COOKIES = re.compile(
    r"\bwe use cookies|(?:web)?site uses cookies|uses? cookies to|accept (?:all )?cookies|cookie (?:policy|settings)",
    re.IGNORECASE,
)
CHALLENGE = re.compile(
    r"(?:enable|requires?) javascript|checking (?:if the site connection|your browser)|you are (?:a )?human"
    r"|unusual traffic|access denied",
    re.IGNORECASE,
)
SITE = re.compile(
    r"^IEEE Xplore, delivering full text access|^Browse and search|^ACM Digital Library home page", re.IGNORECASE
)
# No English abstract is without these; a list of keywords has hardly any.
FUNCTION_WORDS = {
    "the",
    "of",
    "and",
    "a",
    "an",
    "to",
    "in",
    "is",
    "are",
    "for",
    "that",
    "with",
    "we",
    "this",
    "by",
    "on",
}


def plain_text(text: str) -> str:
    """Return `text` without tags, entities and mojibake, on one line."""
    text = html.unescape(text)
    if TAG.search(text):
        soup = BeautifulSoup(text, "html.parser")
        for tag in soup.find_all(True):
            if tag.name in UNSEEN or tag.name.rpartition(":")[2] in UNSEEN:
                tag.decompose()
            elif tag.name not in INLINE and tag.name.rpartition(":")[2] not in INLINE:
                tag.insert_before(" ")
                tag.insert_after(" ")
        text = soup.get_text()
    return " ".join(ftfy.fix_text(html.unescape(text)).replace("\u00ad", "").split())


def clean_title(title: str) -> str:
    """Return a title as plain text, without the full stop that DBLP ends it with."""
    title = plain_text(title)
    return title if title.endswith("..") else title.removesuffix(".")


def clean_abstract(text: str | None) -> tuple[str | None, str | None]:
    """Return the abstract in `text` and None, or None and the reason why it holds none."""
    if text is None or not (text := plain_text(text)):
        return None, "no abstract given"
    if label := LABEL.match(text):
        text = text[label.end() :]
    text = COPYRIGHT.sub("", text)
    beginning = text[:300]
    if PLACEHOLDER.search(beginning) and len(text) < 600:
        return None, "says that there is no abstract"
    # Papers do write of cookies and scripts, but not right at the start and in the words of a banner.
    if COOKIES.search(text[:120]):
        return None, "cookie text"
    if CHALLENGE.search(beginning) and len(text) < 600:
        return None, "a challenge instead of the page"
    if SITE.search(beginning):
        return None, "describes the site, not the paper"
    if re.search(r"(?:\.\.\.|\u2026)\s*(?:\[?(?:read )?more\]?)?$", text, re.IGNORECASE):
        return None, "cut off"
    if len(text) < SHORTEST:
        return None, "too short"
    words = re.findall(r"[^\W\d_]+", text.casefold())
    letters = sum(map(len, words))
    if letters < 0.6 * len(text) or sum(word in FUNCTION_WORDS for word in words) < 0.05 * len(words):
        return None, "not prose"
    return text, None
