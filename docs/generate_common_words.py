"""Write dataset_builder/grounding/common_words.txt: words that are not names, from the open corpus.

python -m docs.generate_common_words
"""

from __future__ import annotations

import argparse
import re
from collections import defaultdict

from dataset_builder.corpus.pairs import read_pairs
from dataset_builder.corpus.papers import read_papers
from dataset_builder.files import write_text
from docs.results import REPOSITORY

OPEN_CORPUS = REPOSITORY / "dataset_builder" / "open_corpus"
# A word of one paper may be a name that the paper writes in lower case.
LEAST_PAPERS = 2
WORD = re.compile(r"(?<!\w)[a-z]+(?!\w)")
# Words that begin sentences and that the open corpus lacks, by kind: adverbs, conjunctions, pronouns.
OTHER_WORDS = """
    actually alongside alternatively also apparently besides clearly conversely eventually evidently finally
    fortunately furthermore importantly indeed interestingly likewise maybe moreover naturally nonetheless notably
    obviously perhaps please surprisingly unfortunately yes
    albeit amid lest towards versus via whenever wherever
    anybody anyone everybody everyone he her his i me my nobody she somebody someone us we whichever whoever whom you
    your
"""


def common_words() -> list[str]:
    """Return the words that the open corpus writes in lower case in two or more papers, and some more, sorted."""
    texts = [(paper.paper_id, paper.abstract or "") for paper in read_papers(OPEN_CORPUS / "papers")]
    for folder in (OPEN_CORPUS / "qa").iterdir():
        pairs = read_pairs(OPEN_CORPUS / "qa", folder.name)
        texts += [(pair.paper_id, f"{pair.question} {pair.answer}") for pair in pairs]
    papers = defaultdict(set)
    for paper_id, text in texts:
        for word in WORD.findall(text):
            papers[word].add(paper_id)
    return sorted({word for word, ids in papers.items() if len(ids) >= LEAST_PAPERS} | set(OTHER_WORDS.split()))


def main() -> None:
    """Write the file."""
    write_text(REPOSITORY / "dataset_builder" / "grounding" / "common_words.txt", "\n".join(common_words()) + "\n")


if __name__ == "__main__":
    argparse.ArgumentParser(prog="python -m docs.generate_common_words", description=__doc__).parse_args()
    main()
