"""Parse and check damaged responses of a teacher, write the pairs and read them back.

python -m tests.stress_generate --count 10000
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import tempfile
import traceback
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from dataset_builder.corpus.manifest import REJECTED_FILE, Checks, Response
from dataset_builder.corpus.pairs import QAPair, read_pairs
from dataset_builder.corpus.papers import Paper, read_papers
from dataset_builder.generate.checks import CheckedPair, check_results
from dataset_builder.generate.report import build_manifest
from dataset_builder.generate.responses import PaperResult, Request
from dataset_builder.generate.schema import ParseError, example_pairs, parse_response
from dataset_builder.generate.teacher_folder import generation_settings, write_teacher_folder
from dataset_builder.grounding.check import THRESHOLD, nearest_sentence_similarities
from dataset_builder.models.encoders import Embed, load_embed
from dataset_builder.models.folders import find_encoder
from dataset_builder.models.packaged import default_encoder
from tests.corpus_slice import CORPUS_SLICE
from tests.damaged_responses import FOREIGN_NAME, FOREIGN_NUMBER, TEACHER, Pairs, damaged_response

LIMITS = TEACHER.limits
EXAMPLES = example_pairs(TEACHER)
MOST_FAILURES = 10


class CachingEncoder:
    """The function of a sentence encoder, which encodes each text once."""

    def __init__(self, embed: Embed) -> None:
        self._embed = embed
        self._known: dict[str, np.ndarray] = {}

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """Return the embeddings, (texts, dimensions)."""
        new = [text for text in texts if text not in self._known]
        if new:
            self._known.update(zip(new, self._embed(new), strict=True))
        return np.stack([self._known[text] for text in texts])


WORD_VALUES = dict(zip("zero one two three four five six seven eight nine ten eleven twelve".split(), range(13)))  # noqa: B905, SIM905
WORD_VALUES |= {"first": 1, "once": 1, "single": 1, "twice": 2, "both": 2, "pair": 2, "second": 2, "third": 3}
WORD_VALUES |= {"double": 2, "doubles": 2, "doubled": 2, "doubling": 2, "triple": 3, "triples": 3, "thousand": 1000}
WORD_VALUES |= {
    "dozen": 12,
    "hundred": 100,
    "million": 10**6,
    "billion": 10**9,
    "twenty": 20,
    "thirty": 30,
    "half": 50,
}
WORD_VALUES |= {"halves": 50, "halved": 50, "halving": 50, "halve": 50, "quarter": 25, "quarters": 25, "twofold": 2}


def _source_values(source: str) -> set[float]:
    """Return the values of the numbers in a text: in digits, with a prefix such as K, and a few words."""
    values: set[float] = set()
    for digits, prefix in re.findall(r"(\d[\d,]*(?:\.\d+)?|\.\d+)\s?([kmgtKMGT]?)", source):
        value = float(digits.replace(",", ""))
        values.add(value)
        if prefix:
            power = "kmgt".index(prefix.lower()) + 1
            values |= {value * 1000**power, value * 1024**power}
    values |= {float(WORD_VALUES[word]) for word in re.findall("[a-z]+", source.lower()) if word in WORD_VALUES}
    return values


def check_accepted(pair: CheckedPair) -> None:
    """Check an accepted pair by rules that are written here again, without the project's code."""
    question, answer = pair.question, pair.answer
    source = f"{pair.paper.title}. {pair.paper.abstract}"
    assert question and question == question.strip() and question.find("?") == len(question) - 1, "not a question"
    assert answer and answer == answer.strip(), "no answer"
    assert len(question) < LIMITS.question_characters and len(answer) < LIMITS.answer_characters, "over-long"
    ending = answer.rstrip("\"')]\u201d\u2019")
    assert ending.endswith((".", "!")) and not ending.endswith(("..", "\u2026", "\u2026.")), "does not end"
    for text in (question, answer):
        for character in set(text) - set(source):
            category = unicodedata.category(character)
            assert category not in ("Cf", "Co", "Cn", "Cs", "Zl", "Zp"), f"character {character!r}"
            assert category != "Cc" or character in "\n\r\t", f"character {character!r}"
            name = unicodedata.name(character, "")
            assert not re.match("CYRILLIC|CJK|ARABIC LETTER|HEBREW|HIRAGANA|HANGUL|REPLACEMENT", name), name
        assert not re.search(r"</?(?:b|p|i|s|div|script|span|br)\b[^>]*>|&amp;|<\||\*\*|\{\{|```", text), "markup"
        assert ("..." not in text and "\u2026" not in text) or "..." in source, "an ellipsis"
        assert FOREIGN_NAME.lower() not in text.lower() and FOREIGN_NUMBER not in text, "a foreign name or number"
    values = _source_values(source)
    for digits in re.findall(r"(?<![\w.,^])(?>\d[\d,]*(?:\.\d+)?)(?![\w^])", answer):
        value = float(digits.replace(",", ""))
        assert value in values, f"the number {digits}"


def check_chunk(
    chunk: list[tuple[Paper, str]],
    encode: CachingEncoder,
    folder: Path,
    counts: Counter[str],
    unchanged: dict[str, Pairs],
) -> None:
    """Check the responses to a chunk of papers, each of which is there once; write the pairs and read them back."""
    results = [
        (
            paper,
            PaperResult(
                paper_id=paper.paper_id,
                request_sha256=Request(paper.paper_id, "").sha256,
                made_by="a test",
                responses=[Response(seed=1, text=text, finish_reason="stop", tokens=1)],
            ),
        )
        for paper, text in chunk
    ]
    checked = check_results(results, TEACHER, partial(nearest_sentence_similarities, encode), THRESHOLD)
    found = Counter(pair.paper.paper_id for pair in checked)
    accepted = [pair for pair in checked if not pair.problem]
    for paper, text in chunk:
        try:
            expected = len(parse_response(text, LIMITS, EXAMPLES))
            counts["responses that parse"] += 1
        except ParseError:
            expected = 1
        assert found[paper.paper_id] == expected, f"lost pairs: {found[paper.paper_id]} of {expected}: {text!r}"
    for pair in accepted:
        try:
            check_accepted(pair)
        except AssertionError as error:
            raise AssertionError(f"{error}: {pair.paper.paper_id}: {pair.question!r} {pair.answer!r}") from None
        own = {(good["question"], good["answer"]) for good in unchanged[pair.paper.paper_id]}
        counts["accepted pairs, unchanged" if (pair.question, pair.answer) in own else "accepted pairs, changed"] += 1
    counts["rejected pairs"] += sum(pair.problem is not None and pair.responses is None for pair in checked)
    asked = Counter((pair.paper.paper_id, pair.question) for pair in accepted)
    assert not accepted or max(asked.values()) == 1, "a question is accepted twice"
    settings = generation_settings(TEACHER, "http", 0)
    manifest = build_manifest(settings, Checks(encoder="e", threshold=THRESHOLD), results, checked, 0)
    write_teacher_folder(folder / TEACHER.name, manifest, [paper for paper, _ in chunk], checked)
    read = Counter((pair.paper_id, pair.question, pair.answer) for pair in read_pairs(folder, TEACHER.name))
    assert read == Counter((pair.paper.paper_id, pair.question, pair.answer) for pair in accepted), "read back"
    rejected = (folder / TEACHER.name / REJECTED_FILE).read_text(encoding="utf-8").split("\n")
    assert len(rejected) - 1 == len(checked) - len(accepted), "rejected pairs are lost"


def stress(count: int, seed: int, encode: CachingEncoder, folder: Path) -> Counter[str]:
    """Check `count` damaged responses, and first the undamaged ones; return the figures."""
    papers = [paper for paper in read_papers(CORPUS_SLICE / "papers") if paper.abstract]
    good: dict[str, Pairs] = {paper.paper_id: [] for paper in papers}
    pairs: list[QAPair] = read_pairs(CORPUS_SLICE / "qa", "detailed", good)
    for pair in pairs:
        good[pair.paper_id].append({"question": pair.question, "answer": pair.answer})
    papers = [paper for paper in papers if LIMITS.least_pairs <= len(good[paper.paper_id]) <= LIMITS.most_pairs]
    folder = folder / "qa"
    (folder / TEACHER.name).mkdir(parents=True)
    control: Counter[str] = Counter()
    check_chunk([(paper, json.dumps(good[paper.paper_id])) for paper in papers], encode, folder, control, good)
    total = sum(len(good[paper.paper_id]) for paper in papers)
    assert control["accepted pairs, unchanged"] >= 0.97 * total, f"good pairs are rejected: {control}"
    counts = Counter({"undamaged pairs": total, "undamaged pairs accepted": control["accepted pairs, unchanged"]})

    def make(number: int) -> tuple[Paper, str]:
        draw = random.Random(f"{seed} {number}")
        paper = papers[number % len(papers)]
        other = draw.choice([other for other in papers if other is not paper])
        return paper, damaged_response(paper, good[paper.paper_id], good[other.paper_id], draw)

    for start in range(0, count, len(papers)):
        chunk = [make(number) for number in range(start, min(count, start + len(papers)))]
        counts["damaged responses"] += len(chunk)
        try:
            check_chunk(chunk, encode, folder, counts, good)
        except Exception as error:
            if not isinstance(error, AssertionError):
                traceback.print_exc()
            counts["failures"] += 1
            sys.stderr.write(f"failed: responses {start} to {start + len(chunk) - 1} of seed {seed}: {error}\n")
            if counts["failures"] == MOST_FAILURES:
                break
    return counts


def main() -> None:
    """Check the responses and print the figures; exit with 1 if one fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000, help="damaged responses; default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    parser.add_argument("--encoder", default=default_encoder(), help="folder or Hub id; default: %(default)s")
    arguments = parser.parse_args()
    encoder = CachingEncoder(load_embed(find_encoder("--encoder", arguments.encoder)))
    with tempfile.TemporaryDirectory(prefix="stress_generate-") as folder:
        counts = stress(arguments.count, arguments.seed, encoder, Path(folder))
    for name, number in counts.items():
        sys.stdout.write(f"{name}: {number}\n")
    sys.exit(1 if counts["failures"] else 0)


if __name__ == "__main__":
    main()
