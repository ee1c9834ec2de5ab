"""Sample several answers to each question from a model, and rank them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataset_builder.corpus.questions import CorpusQuestion
    from dataset_builder.journal import Journal
    from dataset_builder.models.folders import EncoderFolder, ModelFolder
    from dataset_builder.verification.load import VerifierFolder
    from eval.run_metrics import AnswerSampling


@dataclass(frozen=True)
class RankedSamples:
    """The samples for question `number`: the best, the worst, and the similarities to the reference answer.

    `worst` is None if the ranking does not prefer one text to another.
    """

    number: int
    best: str
    worst: str | None
    best_similarity: float
    mean_similarity: float


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
    from training.alignment.ranking import rank_answers

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
                    answers = [answer.text for answer in sampled]
                    ranking = rank_answers(asked[index], answers, compare, verify)
                    best, worst = answers[ranking.best], answers[ranking.worst]
                    new.append(
                        RankedSamples(
                            number=missing[index],
                            best=best,
                            worst=worst if ranking.prefers and worst != best else None,
                            best_similarity=ranking.similarities[ranking.best],
                            mean_similarity=sum(ranking.similarities) / len(answers),
                        )
                    )
                ranked |= {samples.number: samples for samples in new}
                journal.append(new)
                bar.update(len(batch))
    return [ranked[number] for number in range(len(questions))]
