"""Sample several answers to each question from a model, and rank them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from training.alignment.ranking import SAME, AnswerRanking, rank_answers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dataset_builder.corpus.questions import CorpusQuestion
    from dataset_builder.journal import Journal
    from dataset_builder.models.folders import EncoderFolder, ModelFolder
    from dataset_builder.verification.load import VerifierFolder
    from eval.prompting import Answer
    from eval.run_metrics import AnswerSampling


@dataclass(frozen=True)
class RankedSamples:
    """The samples for question `number`: the best, the worst, and the similarities to the reference answer.

    A sample that was cut at the largest number of tokens is neither: each answer of a training row ends with an end
    token, so the model would learn to stop within a sentence. `best` is None if all were cut, and `worst` is None if
    the ranking does not prefer one text to another.
    """

    number: int
    best: str | None
    worst: str | None
    best_similarity: float | None
    mean_similarity: float


def choose_samples(number: int, sampled: Sequence[Answer], ranking: AnswerRanking) -> RankedSamples:
    """Return the best and the worst of the samples for question `number`."""
    mean = sum(ranking.similarities) / len(sampled)
    complete = [index for index, answer in enumerate(sampled) if not answer.is_cut]
    if not complete:
        return RankedSamples(number, None, None, None, mean)
    best, worst = (choose(complete, key=ranking.scores.__getitem__) for choose in (max, min))
    is_preferred = ranking.scores[best] - ranking.scores[worst] > SAME and sampled[best].text != sampled[worst].text
    return RankedSamples(
        number=number,
        best=sampled[best].text,
        worst=sampled[worst].text if is_preferred else None,
        best_similarity=ranking.similarities[best],
        mean_similarity=mean,
    )


def rank_samples(
    model: ModelFolder,
    questions: list[CorpusQuestion],
    sampling: AnswerSampling,
    encoder: EncoderFolder,
    verifier: VerifierFolder | None,
    journal: Journal[RankedSamples],
    batch_size: int | None,
) -> list[RankedSamples]:
    """Return the ranked samples for each question. Sample the answers that the journal lacks, and add them."""
    from tqdm import tqdm

    from dataset_builder.models.language_model import load_model
    from eval.generation.answers import sample_in_batches
    from eval.metrics.embedding import Encoder

    ranked = {samples.number: samples for samples in journal.read_new()}
    missing = [number for number in range(len(questions)) if number not in ranked]
    if missing:
        compare = Encoder(encoder, "--encoder")
        verify = verifier.load() if verifier else None
        asked = [questions[number] for number in missing]
        network, tokenizer = load_model(model)
        with tqdm(total=len(questions), initial=len(ranked), desc="sampling answers", unit="question") as bar:
            for batch in sample_in_batches(network, tokenizer, asked, sampling, batch_size):
                new = []
                for index, sampled in batch.items():
                    ranking = rank_answers(asked[index], [answer.text for answer in sampled], compare, verify)
                    new.append(choose_samples(missing[index], sampled, ranking))
                ranked |= {samples.number: samples for samples in new}
                journal.append(new)
                bar.update(len(batch))
    return [ranked[number] for number in range(len(questions))]
