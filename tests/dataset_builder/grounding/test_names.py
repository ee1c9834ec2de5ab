"""The names of a text, and whether another text has them."""

from __future__ import annotations

import pytest

from dataset_builder.grounding.names import unsupported_names

SOURCE = "Tracer: small caches. Tracer shrinks a cache by 2.50x and costs 1,024 bytes. It was run on two GPUs."


@pytest.mark.parametrize(
    ("text", "unsupported"),
    [
        ("A GPU runs Tracer.", []),
        ("It takes 128GB.", []),
        ("It runs on an FPGA beside GPUs.", ["FPGA"]),
        ("It is compared with Kraken and ShortCut.", ["Kraken", "ShortCut"]),
        # A word that begins a sentence is a name if it is neither in the source nor common.
        ("Kraken is slower.", ["Kraken"]),
        ('It says: "Intel sells it."', ["Intel"]),
        ("Compared with others, e.g. Kraken, it wins.", ["Kraken"]),
        ("Unfortunately, Tracer fails. Rewriting it helps. Outcomes differ.", []),
    ],
)
def test_names_must_be_in_the_source(text: str, unsupported: list[str]) -> None:
    """A plural is compared as its singular."""
    assert unsupported_names(text, SOURCE) == unsupported


@pytest.mark.parametrize(
    ("text", "source", "unsupported"),
    [
        ("On an FPGA it wins.", "A field programmable gate array is used.", []),
        ("On an FPGX it wins.", "A field programmable gate array is used.", ["FPGX"]),
        ("It is an SoC.", "It is a system on chip.", []),
        # Initials that meet by chance: function words, another phrase, two letters.
        ("It has an ISA.", "It increases such a cost.", ["ISA"]),
        ("It has a DNN.", "It is dense. New networks help.", ["DNN"]),
        ("It uses AI.", "It is a idle cache; all instructions wait for active inputs.", ["AI"]),
        ("It uses AI.", "It uses artificial intelligence.", []),
        ("The TaskFlow compiler wins.", "The Task Flow compiler is used.", []),
    ],
)
def test_acronym_is_supported_by_the_words_that_it_stands_for(text: str, source: str, unsupported: list[str]) -> None:
    """Three or more words in a row without punctuation, or the known words of two letters."""
    assert unsupported_names(text, source) == unsupported


@pytest.mark.parametrize(
    "text",
    [
        "It beats \u041araken.",  # a Cyrillic capital ka
        "It beats \u039araken.",  # a Greek capital kappa
        "It beats K\u200braken.",  # a space of no width
        "It beats \uff2braken.",  # a full-width K
        "It beats Kr\u0101ken\u2122.",
    ],
)
def test_other_letters_do_not_hide_a_name(text: str) -> None:
    """The name is found without the abstract, and supported by the abstract's spelling in plain letters."""
    assert unsupported_names(text, SOURCE) == ["Kraken"]
    assert unsupported_names(text, "Kraken is old.") == []
