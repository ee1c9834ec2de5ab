"""Find what no sentence of an abstract has: control characters, letters of another script, markup, and ellipses."""

import re
import unicodedata

from dataset_builder.crawl.cleanup import TAG

# HTML, Markdown, the special tokens of chat templates, and the braces of the prompt's template.
MARKUP = re.compile(rf"{TAG.pattern}|&(?:[a-z]+|#\w+);|\*\*|```|</?s>|<\|[^|<>]*\|>|\{{\{{|\}}\}}", re.IGNORECASE)
ELLIPSIS = re.compile(r"\.\.\.|\u2026")
# Control and format characters (zero width, right to left), private and unassigned ones, line separators.
# https://www.unicode.org/reports/tr44/#General_Category_Values
INVISIBLE = {"Cc", "Cf", "Co", "Cn", "Cs", "Zl", "Zp"}
WHITESPACE = frozenset("\n\r\t")
REPLACEMENT = "\ufffd"
# The scripts of English abstracts: formulas have Greek letters.
SCRIPTS = ("LATIN", "GREEK")


def foreign_characters(text: str, source: str) -> list[str]:
    """Return the characters of `text` that cannot come from `source`, by code point, such as U+0000, in their order.

    They are invisible characters, the replacement character, and letters of a script that is neither Latin nor Greek,
    if `source` does not have them.
    """
    return [f"U+{ord(character):04X}" for character in dict.fromkeys(text) if _is_foreign(character, source)]


def markup(text: str) -> list[str]:
    """Return the markup in `text`: of HTML, Markdown, chat templates and Jinja."""
    return [match[0] for match in MARKUP.finditer(text)]


def ellipses(text: str, source: str) -> list[str]:
    """Return the ellipses of `text`, where a teacher leaves words out, if `source` has none."""
    return [] if ELLIPSIS.search(source) else ELLIPSIS.findall(text)


def _is_foreign(character: str, source: str) -> bool:
    if (character.isascii() and character.isprintable()) or character in WHITESPACE or character in source:
        return False
    category = unicodedata.category(character)
    # Signs such as the micro sign are compatible with a letter.
    name = unicodedata.name(unicodedata.normalize("NFKC", character)[0], "")
    is_letter = category in ("Ll", "Lu", "Lt", "Lo")
    return category in INVISIBLE or character == REPLACEMENT or (is_letter and not name.startswith(SCRIPTS))
