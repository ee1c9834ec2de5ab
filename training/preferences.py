"""Make preference pairs: sample answers from a model, and prefer the best one by the metric to the worst one.

The score of an answer is the sum of three measures, each normalized within the answers to one question: the cosine
similarity to the reference answer, whether the numbers are those of the reference answer, and how near the length is.
No measure decides by itself: a gain that only one measure sees is often not real (https://arxiv.org/abs/2411.03524).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dataset_builder.errors import InputError
from dataset_builder.files import make_writable_folder, sha256_of_text, write_text
from dataset_builder.formats import FileFormat, Text, read_records, to_json_line
from dataset_builder.prompt import build_completion, fit_prompt

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from datasets import Dataset
    from transformers import PreTrainedTokenizerBase

    from dataset_builder.corpus.questions import CorpusQuestion
    from dataset_builder.models.folders import ModelFolder
    from eval.metrics.embedding import Encoder
    from eval.prompting import Answer
    from eval.run_metrics import AnswerSampling

SAMPLED_FILE = "sampled.jsonl"
# A smaller difference of scores is rounding.
SAME = 1e-6


class Preference(FileFormat):
    """A question on a paper with a better and a worse answer: a line of a JSON Lines file.

    `error` is the kind of mistake in a `rejected` answer that was written for this purpose.
    """

    paper_id: Text
    question: Text
    chosen: Text
    rejected: Text
    error: str | None = None


@dataclass(frozen=True)
class RankedSamples:
    """The samples for question `number`: the best one and the worst one, None where no sample is preferred."""

    number: int
    best: str | None
    worst: str | None


def read_preferences(folder: Path) -> list[Preference]:
    """Return the preferences in the *.jsonl files of a folder, in the order of the file names.

    Each line has paper_id, question, chosen and rejected.
    """
    remedy = "correct the line, or leave it out"
    files = sorted(path for path in folder.glob("*.jsonl") if not path.name.startswith("."))
    return [preference for path in files for _, preference in read_records(Preference, path, remedy)]


def sample_preferences(
    model: ModelFolder,
    questions: Sequence[CorpusQuestion],
    sampling: AnswerSampling,
    encoder: Encoder,
    encoder_sha256: str,
    folder: Path,
) -> list[Preference]:
    """Sample answers to the questions, and write the preferences to `folder`/sampled.jsonl.

    After a kill, the same call continues. Raises `InputError` if no sampled answer is better than another one.
    """
    from tqdm import tqdm

    from dataset_builder.journal import Journal
    from dataset_builder.models.language_model import load_model
    from eval.generation.answers import sample_in_batches

    make_writable_folder(folder)
    # Samples of a run with another model, other questions or other settings are not continued.
    decisive = sha256_of_text(repr((model.fingerprint, encoder_sha256, sampling, questions)))
    journal = Journal(folder, f".partial.{decisive[:16]}", RankedSamples)
    ranked = {samples.number: samples for samples in journal.read_new()}
    missing = [number for number in range(len(questions)) if number not in ranked]
    if missing:
        network, tokenizer = load_model(model)
        asked = [questions[number] for number in missing]
        with tqdm(total=len(questions), initial=len(ranked), desc="sampling answers", unit="question") as bar:
            for batch in sample_in_batches(network, tokenizer, asked, sampling):
                new = [choose(missing[i], answers, score(asked[i], answers, encoder)) for i, answers in batch.items()]
                journal.append(new)
                ranked |= {samples.number: samples for samples in new}
                bar.update(len(batch))
    preferences = [
        Preference(paper_id=question.paper_id, question=question.question, chosen=samples.best, rejected=samples.worst)
        for question, samples in ((questions[number], ranked[number]) for number in range(len(questions)))
        if samples.best and samples.worst
    ]
    if not preferences:
        raise InputError(
            f"{model.given}: no sampled answer is better than another one; draw more --samples, or raise --temperature"
        )
    lines = (to_json_line(preference, exclude_none=True) for preference in preferences)
    write_text(folder / SAMPLED_FILE, "".join(lines))
    for path in folder.glob(".partial.*-*.jsonl"):
        path.unlink()
    return preferences


def score(question: CorpusQuestion, answers: Sequence[Answer], encoder: Encoder) -> np.ndarray:
    """Return the score of each answer to a question: (answers,)."""
    import numpy as np

    from eval.metrics.lexical import number_match

    texts, reference = [answer.text.strip() for answer in answers], question.answer
    measures = np.array(
        [
            encoder.similarities(texts, [reference] * len(texts)),
            [number_match(text, reference) or 0.0 for text in texts],
            [length_match(text, reference) for text in texts],
        ]
    )
    deviations = measures - measures.mean(axis=1, keepdims=True)
    spreads = deviations.std(axis=1, keepdims=True)
    scores: np.ndarray = np.divide(deviations, spreads, out=np.zeros_like(deviations), where=spreads > SAME).sum(
        axis=0
    )
    return scores


def length_match(answer: str, reference: str) -> float:
    """Return minus the absolute logarithm of the ratio of the numbers of words: 0 for as many words, else less."""
    return -abs(math.log(max(1, len(answer.split())) / max(1, len(reference.split()))))


def choose(number: int, answers: Sequence[Answer], scores: np.ndarray) -> RankedSamples:
    """Return the best and the worst of the answers to question `number`.

    An answer that was cut at the largest number of tokens is neither: the model would learn to stop within a sentence.
    """
    complete = [index for index, answer in enumerate(answers) if not answer.is_cut]
    if not complete:
        return RankedSamples(number, None, None)
    best, worst = max(complete, key=lambda index: scores[index]), min(complete, key=lambda index: scores[index])
    if scores[best] - scores[worst] <= SAME or answers[best].text == answers[worst].text:
        return RankedSamples(number, None, None)
    return RankedSamples(number, answers[best].text, answers[worst].text)


def preference_rows(
    preferences: Sequence[Preference], split: Dataset, tokenizer: PreTrainedTokenizerBase, max_tokens: int
) -> Dataset:
    """Return rows in TRL's format (prompt, chosen, rejected) for the preferences on the papers of a split.

    A prompt that is too long with its answers loses the end of its abstract. Raises `InputError` if no preference is
    on a paper of the split.
    """
    from datasets import Dataset

    papers = {row["paper_id"]: row for row in split.select_columns(["paper_id", "instruction", "context"])}
    rows = []
    for preference in preferences:
        if paper := papers.get(preference.paper_id):
            answers = [build_completion(text) for text in (preference.chosen, preference.rejected)]
            room = max_tokens - 1 - max(len(tokenizer(answer)["input_ids"]) for answer in answers)
            prompt = fit_prompt(tokenizer, paper["instruction"], paper["context"], preference.question, room)
            rows.append({"prompt": prompt, "chosen": answers[0], "rejected": answers[1]})
    if not rows:
        raise InputError("preferences: none is on a paper of the training split; give preferences on its papers")
    return Dataset.from_list(rows)
