"""Clean the texts that sources send, compare titles, and refuse texts that are not an abstract."""

import html
import re
from difflib import SequenceMatcher

import ftfy
from bs4 import BeautifulSoup, Tag
from bs4.exceptions import ParserRejectedMarkup

# In characters; the shortest abstract of ISCA 2013-2024 has 423.
SHORTEST_ABSTRACT = 150
# In characters, with tags. To clean a text of many tags takes time that grows with the square of their number.
LONGEST_TEXT = 50_000

# A tag of HTML, JATS or MathML: a closing tag, a tag with a prefix or an attribute, or a common tag of texts. So "a<b"
# in running text is not taken for a tag.
TAG = re.compile(
    r"</[a-z][\w:-]*\s*>|<[a-z]+:[\w-]+[^<>]*>|<[a-z][\w-]*(?:\s+[\w:-]+\s*=\s*(?:\"[^\"]*\"|'[^']*'))+\s*/?>"
    r"|<(?:p|br|div|span|sub|sup|i|b|em|strong|italic|bold|sec|section|title|h\d|ul|ol|li|script|style|noscript)\s*/?>",
    re.IGNORECASE,
)
# Tags inside a word or a line, without their prefix; every other tag ends the word.
INLINE_TAGS = {"sub", "sup", "i", "b", "em", "strong", "italic", "bold", "sc", "span", "a", "u", "tt", "code", "font"}
INLINE_TAGS |= {"inline-formula", "alternatives", "math", "mrow", "msup", "msub", "mi", "mn", "mo"}
# Tags of JATS with a formula, which may be given twice: as TeX and as MathML.
FORMULA_TAGS = {"inline-formula", "disp-formula", "alternatives"}
# Soft hyphens, characters of no width, and marks of the direction of writing.
INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
HIDDEN_TAGS = {"script", "style", "noscript"}

LABEL = re.compile(
    r"(?:abstract|ABSTRACT|Abstract|Summary|SUMMARY)(?:\s*[:.\u2013\u2014]\s*|\s*-(?:\s+|(?=[A-Z]))|\s+(?=[A-Z0-9\"'(])|(?=[A-Z]))"
)
COPYRIGHT = re.compile(r"\s*(?:\u00a9|\(c\)|copyright)\s*(?:\u00a9|\(c\))?\s*(?:19|20)\d\d\b.{0,100}$", re.IGNORECASE)
PLACEHOLDER = re.compile(
    r"no abstract (?:is )?available|abstract (?:is )?(?:not|un) ?available|(?:article|paper|entry) has no abstract"
    r"|an abstract is not available"
    r"|^(?:this|the) (?:paper|article|submission|manuscript) (?:has been|is|was) withdrawn",
    re.IGNORECASE,
)
COOKIES = re.compile(
    r"\bwe use cookies|(?:web)?site uses cookies|accept (?:all )?cookies|cookie (?:policy|settings)",
    re.IGNORECASE,
)
CHALLENGE = re.compile(
    r"(?:enable|requires?) javascript|checking (?:if the site connection|your browser)|you are (?:a )?human"
    r"|unusual traffic|access denied(?:\W*$|\W+(?:you|your|on this)\b)",
    re.IGNORECASE,
)
SITE = re.compile(
    r"^IEEE Xplore, delivering full text access|^Browse and search|^ACM Digital Library home page", re.IGNORECASE
)
CUT_OFF = re.compile(r"(?:\.\.\.|\u2026)\s*(?:\[?(?:read )?more\]?)?$", re.IGNORECASE)
# The end of a sentence, or an address: of 806 abstracts of ISCA, all but one end so. Only the last word is searched:
# a search of a long text can take hours.
COMPLETE = re.compile(r"[.!?][\"')\]\u201d\u2019]*$|\S\.[a-z]+/\S*$|(?:https?://|\bwww\.)\S+\.\S+$")
# Every English abstract has these words; a list of keywords has almost none.
FUNCTION_WORDS = set("the of and a an to in is are for that with we this by on".split())  # noqa: SIM905


def plain_text(text: str) -> str:
    """Return `text` as one line without tags, entities and wrongly decoded characters."""
    # Python refuses to read longer numbers; the largest character has seven digits.
    text = re.sub(r"&#\w{9,};?", "\ufffd", text)
    if not TAG.search(text):
        # Some sources escape their tags. In a text with tags, an escaped "<" is a character of the text.
        text = html.unescape(text)
    if TAG.search(text):
        try:
            soup = BeautifulSoup(text, "html.parser")
        except ParserRejectedMarkup:
            soup = BeautifulSoup(TAG.sub(" ", text).replace("<", "&lt;"), "html.parser")
        for tag in soup.find_all(True):
            name = _name_without_prefix(tag)
            if name in HIDDEN_TAGS or (name == "tex-math" and _has_mathml(tag)):
                # Not `decompose`, after which the tags inside cannot be visited.
                tag.extract()
            elif name == "tex-math":
                tag.replace_with(_plain_tex(tag.get_text()))
            elif name not in INLINE_TAGS:
                parts = tag.find_all(True, recursive=False)
                if name == "mfrac" and len(parts) == 2:
                    parts[0].insert_after("/")
                tag.insert_before(" ")
                tag.insert_after(" ")
        text = soup.get_text()
    return " ".join(INVISIBLE.sub("", ftfy.fix_text(html.unescape(text))).split())


def _name_without_prefix(tag: Tag) -> str:
    return tag.name.rpartition(":")[2]


def _has_mathml(tex: Tag) -> bool:
    """Return whether the formula of a tag of TeX is also given in MathML."""
    formula = tex.find_parent(lambda tag: _name_without_prefix(tag) in FORMULA_TAGS)
    return formula is not None and formula.find(lambda tag: _name_without_prefix(tag) == "math") is not None


def _plain_tex(tex: str) -> str:
    # A publisher's formula may be a whole document.
    tex = tex.partition(r"\begin{document}")[2].partition(r"\end{document}")[0] or tex
    return tex.replace("$", "").replace(r"\times", "\u00d7").replace(r"\%", "%").strip()


def clean_title(title: str) -> str:
    """Return a title as plain text, without the full stop that DBLP adds."""
    title = plain_text(title)
    return title if title.endswith("..") else title.removesuffix(".")


def same_title(listed: str, answered: str) -> bool:
    """Return whether two titles name the same paper.

    Case, punctuation and spaces are ignored. One title may lack the subtitle, and a fifth of the letters may differ
    (spelled-out symbols, lost accents).
    """
    ours, theirs = (re.sub(r"[\W_]+", "", title.casefold()) for title in (listed, answered))
    shorter, longer = sorted((ours, theirs), key=len)
    # A shorter one, of a word or two, is the beginning of many titles.
    if len(shorter) >= 12 and longer.startswith(shorter):
        return True
    # The bound follows from the lengths: to compare a title of 20 MB would take ten minutes.
    if 3 * len(shorter) < 2 * len(longer):
        return False
    return SequenceMatcher(None, ours, theirs, autojunk=False).ratio() >= 0.8


def clean_abstract(text: str | None) -> tuple[str | None, str | None]:
    """Return the abstract in `text` and None, or None and the reason why there is no abstract."""
    if text is not None and len(text) > LONGEST_TEXT:
        return None, "too long"
    if text is None or not (text := plain_text(text)):
        return None, "no abstract given"
    if (label := LABEL.match(text)) and not _begins_with_acronym(text):
        text = text[label.end() :]
    text = COPYRIGHT.sub("", text)
    beginning = text[:300]
    words = re.findall(r"[^\W\d_]+", text.casefold())
    few_letters = sum(map(len, words)) < 0.6 * len(text)
    for applies, reason in (
        (PLACEHOLDER.search(beginning) and len(text) < 600, "says that there is no abstract"),
        # Only words of a banner, near the beginning: there are papers on cookies and scripts.
        (COOKIES.search(text[:120]), "cookie text"),
        (CHALLENGE.search(beginning) and len(text) < 600, "a challenge instead of the page"),
        (SITE.search(beginning), "describes the site, not the paper"),
        (CUT_OFF.search(text), "cut off"),
        (len(text) < SHORTEST_ABSTRACT, "too short"),
        (few_letters or sum(word in FUNCTION_WORDS for word in words) < 0.05 * len(words), "not prose"),
        (not COMPLETE.search(text.rpartition(" ")[2]), "cut off"),
    ):
        if applies:
            return None, reason
    return text, None


def _begins_with_acronym(text: str) -> bool:
    """Return whether a text begins with words and their acronym: "Abstract Meaning Representation (AMR)"."""
    match = re.match(r"(\w+(?: \w+){1,5}) \(([A-Z]{2,})s?\)", text)
    return match is not None and "".join(word[0] for word in match[1].split()).upper() == match[2]
