"""The names of a text, and whether another text has them."""

from __future__ import annotations

import pytest

from dataset_builder.grounding.names import COMMON_WORDS, LOOK_ALIKES, fold_letters, mentioned_names, unsupported_names

SOURCE = "Tracer: small caches. Tracer shrinks a cache by 2.50x and costs 1,024 bytes. It was run on two GPUs."


@pytest.mark.parametrize(
    ("text", "unsupported"),
    [
        ("A GPU runs Tracer.", []),
        ("The cost is low. Small caches win.", []),
        ("It takes 128GB.", []),
        ("It runs on an FPGA beside GPUs.", ["FPGA"]),
        ("It is compared with Kraken and ShortCut.", ["Kraken", "ShortCut"]),
        # A word that begins a sentence is a name if it is neither in the source nor common.
        ("Kraken is slower.", ["Kraken"]),
        ("Tracer is small. Intel sells it.", ["Intel"]),
        ('It says: "Intel sells it."', ["Intel"]),
        ("Compared with others, e.g. Kraken, it wins.", ["Kraken"]),
        ("Tracer's caches win.", []),
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
        ("On FPGAs it wins.", "Two field-programmable gate arrays are used.", []),
        ("On an FPGX it wins.", "A field programmable gate array is used.", ["FPGX"]),
        ("It is an SoC.", "It is a system on chip.", []),
        ("It is an SOC.", "It is a system on chip.", ["SOC"]),
        # Initials that meet by chance: function words, another phrase, two letters.
        ("It has an ISA.", "It increases such a cost.", ["ISA"]),
        ("It has an ISA.", "The cost is a problem.", ["ISA"]),
        ("It has a DNN.", "It is dense. New networks help.", ["DNN"]),
        ("It uses AI.", "It is a idle cache; all instructions wait for active inputs.", ["AI"]),
        ("It uses AI.", "It uses artificial intelligence.", []),
        ("It runs OSs and VMs.", "It runs operating systems and virtual machines.", []),
        ("The TaskFlow compiler wins.", "The Task Flow compiler is used.", []),
    ],
)
def test_acronym_is_supported_by_the_words_that_it_stands_for(text: str, source: str, unsupported: list[str]) -> None:
    """Three or more words in a row without punctuation, or the known words of two letters."""
    assert unsupported_names(text, source) == unsupported


def test_name_within_a_word_is_not_supported() -> None:
    """Intel is not in "intelligent", nor across the end of a word: a name is one to three whole words in a row."""
    source = "An intelligent scheduler lowers voltage; metadata is kept. The task flows."
    text = "It runs on Intel chips with Volta cores and Meta data, MetaData and HeTask."
    assert unsupported_names(text, source) == ["Intel", "Volta", "Meta", "HeTask"]


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


def test_abstract_may_have_the_other_letters() -> None:
    """Accents, a Greek mu and a trade mark in the abstract, plain letters in the answer."""
    source = "D\u00e9j\u00e0 View and \u00b5Manycore run on Intel\u00ae cores."
    assert unsupported_names("Deja View and uManycore run on Intel cores.", source) == []


def test_word_of_another_script_is_a_name() -> None:
    """Cherokee letters that no table maps; small letters, too, since not every script has capitals."""
    assert mentioned_names("It beats \u13cdraken and \u4e2d\u6587.") == ["\u13cdraken", "\u4e2d\u6587"]


def test_look_alike_letters_become_latin() -> None:
    """Each letter of the table maps to one ASCII letter, and decomposes to nothing else before."""
    letters = "".join(map(chr, LOOK_ALIKES))
    assert len(fold_letters(letters)) == len(LOOK_ALIKES)
    assert fold_letters(letters).isascii()
    assert fold_letters("\u0421\u0420\u0423") == "CPY"


def test_common_words_have_no_names_of_companies_and_products() -> None:
    """The open corpus writes names with capitals."""
    assert COMMON_WORDS.isdisjoint(["intel", "google", "nvidia", "linux", "spark", "kraken"])


def test_long_text_takes_one_pass() -> None:
    """1.2 MB; in quadratic time (4 s for 40 KB) this test would reach the time limit of all tests."""
    names = ["Kraken"] * 100_000
    assert unsupported_names("It beats Kraken, " + "Kraken and so " * 99_999, SOURCE) == names
