"""Make errors in the statement of an answer: a negation, a wrong cause or purpose, a wrong scope."""

import re

from dataset_builder.verification.errors.material import (
    Material,
    match_case,
    overlap,
    replace_span,
    replace_words,
    within_sentence,
)

AUXILIARY = re.compile(
    r"(?<![\w-])(is|are|was|were|can|could|must|should|will|would|may|does|do|did)\s+(?!not\b|so\b)", re.I
)
_ALLOW = (
    "achieves adapts adds allows applies avoids combines contains creates delivers detects eliminates enables exploits"
)
_EXTEND = (
    "extends fits gives handles helps hides improves includes increases keeps learns lets maintains makes needs offers"
)
_PERFORM = (
    "performs predicts preserves prevents produces protects provides reaches reads reduces relies removes replaces"
)
_REQUIRE = "requires runs saves schedules shares solves stores supports takes tolerates trains treats turns uses works"
# The base form is the word without its "s", except for these.
BASE_FORMS = {"applies": "apply", "relies": "rely", "reaches": "reach"}
VERBS = f"{_ALLOW} {_EXTEND} {_PERFORM} {_REQUIRE}".split()
# After a pronoun or an acronym, where the word is a verb and not a noun.
VERB = re.compile(rf"\b(?:[Ii]t|which|[Tt]his|[A-Z]\w*[A-Z0-9]\w*) ({'|'.join(VERBS)})(?=\s+(?!no\b)\w)")
_AUXILIARIES = "is are was were must should will would may"
POSITIVE = {
    "cannot": "can",
    "can not": "can",
    "without": "with",
    **{f"{auxiliary} not": auxiliary for auxiliary in _AUXILIARIES.split()},
    "does not": "does",
    "do not": "do",
    "did not": "did",
    "needs no": "needs a",
    "requires no": "requires a",
    "has no": "has a",
}

# A cause or purpose in a sentence, by its connective, to the next punctuation.
_PURPOSES = "avoid|bound|cut|enable|find|hide|improve|increase|keep|limit|lower|maximize|minimize|prevent|reduce|save"
CLAUSES = tuple(
    re.compile(rf"(?<![\w-]){connective}\s+([^,;:.()]{{12,}}?)(?=[,;:()]|\.(?:\s|$)|$)", re.IGNORECASE)
    for connective in (
        "(?:because|since)(?! of)",
        "(?:because of|due to|owing to|thanks to)",
        "so that",
        f"(?:in order )?to(?= (?:{_PURPOSES}))",
        "by(?= \\w+ing\\b)",
        "(?:caused by|stems? from|comes? from|arises? from)",
    )
)
# Sentences in which cause and effect can be exchanged.
BECAUSE = re.compile(r"(?P<first>[^,;:.]{12,}),? (?P<connective>because) (?P<second>[^,;:.]{12,})\.")
SO = re.compile(r"(?P<first>[^,;:.]{12,}), (?P<connective>so) (?P<second>(?!that\b|as\b)[^;:.]{12,})\.")

SCOPES = {
    **{"some": "all", "many": "all", "most": "all", "several": "all", "all": "only some", "every": "not every"},
    **{
        "often": "always",
        "usually": "always",
        "typically": "always",
        "sometimes": "always",
        "always": "only sometimes",
    },
    **{"mostly": "entirely", "largely": "entirely", "mainly": "only", "partly": "entirely", "fully": "only partly"},
    **{"only": "not only", "entirely": "partly", "can often": "always"},
    **{"frequently": "always", "rarely": "never", "generally": "always"},
}
# Where these words have another sense: "at most", "the most efficient", "a great many", "almost all".
OTHER_SENSE = re.compile(
    r"\b(?:the|at|its|their) most\b|\bmost \w*(?:[^s\W]|ss)\b(?<!\bmost of)|\b(?:great|how|so|too|as) many\b|"
    r"\b(?:almost|nearly|not|at|above|after|in) all\b|\b(?:almost|nearly|not) (?:only|always|every)\b",
    re.IGNORECASE,
)
PHRASE = re.compile(r"(?<=\w )(?:on|for|in|when|during|across|with)(?= \w)")
RESTRICTING = re.compile(r"\b(?:only|solely|alone|exclusively)\b", re.IGNORECASE)


def negated_statements(material: Material) -> list[str]:
    """Return the answer with "not" added to a verb, or with a negation removed."""
    answer = material.answer
    wrong = replace_words(answer, POSITIVE)
    for match in AUXILIARY.finditer(answer):
        wrong.append(replace_span(answer, match.end(), match.end(), "not "))
    for match in VERB.finditer(answer):
        wrong.append(replace_span(answer, *match.span(1), f"does not {BASE_FORMS.get(match[1], match[1][:-1])}"))
    return wrong


def changed_causes(material: Material) -> list[str]:
    """Return the answer with another cause or purpose, or with cause and effect exchanged.

    The other causes are those of the abstract and of the other answers, after the same kind of connective.
    """
    answer = material.answer
    wrong = []
    for match in (*BECAUSE.finditer(answer), *SO.finditer(answer)):
        space = re.match(r"\s*", match["first"])
        first = match["first"].strip()
        exchanged = f"{match_case(match['second'], 'A')}, {match['connective']} {within_sentence(first)}."
        wrong.append(replace_span(answer, *match.span(), f"{space[0] if space else ''}{exchanged}"))
    for pattern in CLAUSES:
        clauses = [
            match[1] for text in (material.context, *material.other_answers) for match in pattern.finditer(text)
        ]
        for match in pattern.finditer(answer):
            wrong += [
                replace_span(answer, *match.span(1), clause)
                for clause in dict.fromkeys(clauses)
                if overlap(clause, match[1]) < 0.3 and overlap(clause, answer) < 0.7
            ]
    return wrong


def changed_scopes(material: Material) -> list[str]:
    """Return the answer with a wider or a narrower scope: "all" in place of "most", "only" where it is not said."""
    wrong = [] if OTHER_SENSE.search(material.answer) else replace_words(material.answer, SCOPES)
    if not RESTRICTING.search(f"{material.context} {material.answer}"):
        wrong += [
            replace_span(material.answer, *match.span(), f"only {match[0]}")
            for match in PHRASE.finditer(material.answer)
        ]
    return wrong
