"""Hold the sentences that report.md, report.html and the model cards share."""

from dataset_builder.prompt import MAX_ANSWER_TOKENS
from eval.analysis.scores import FEW_PAPERS, FEWEST_PAPERS, Scores, SystemScores
from eval.report.tables import scores_by_config

INTERVALS = (
    f"Brackets give the 95 % confidence interval, from a bootstrap over papers. Intervals on fewer than {FEW_PAPERS} "
    f"papers are wide. There is no interval if there are fewer than {FEWEST_PAPERS} papers, or if almost all papers "
    "have the same value."
)
HEURISTICS = (
    "A heuristic baseline is an answer made without a model. A system that scores lower is worse than copying that "
    "answer. An upper bound uses what a system does not have: the reference answer, or the answer of another teacher."
)
DIFFERENCES = (
    "Two systems are compared by their answers to the same questions. The p-value is from a paired permutation test, "
    "which exchanges all answers on a paper together. Holm's correction accounts for the number of differences."
)
METRICS = (
    "ROUGE-L and token F1 count the words that an answer shares with the reference answer. “Numbers right” is the "
    "share of answers that have exactly the numbers of the reference answer. It ignores questions whose reference "
    "answer has no numbers. The length ratio is 1 for an answer as long as the reference answer."
)
AGREEMENT = "The agreement of two metrics is Spearman's rank correlation over the answers of all systems."
STUDY = (
    "The original study reported these means for GPT-2 small, trained on 2,187 question-answer pairs and tested on "
    "papers of 2022 to 2024. It used another base model and other questions. Compare the order of the systems, not "
    "the size of the scores."
)
LIMITS = (
    "Similarity measures whether an answer sounds like the reference answer. It does not measure whether the answer "
    "is true: a wrong number in the right sentence scores high.",
    "The reference answers were written by a language model and can be wrong.",
    "The result depends on the encoder. Compare only scores of the same encoder, and look at the other metrics.",
    "All questions are about abstracts of one conference. The results say little about other texts.",
)
CITATION = (
    "Cite the corpus with its revision, and name the encoder with every similarity. CITATION.cff in the project's "
    "repository has the reference."
)
SOURCES = {
    "scores.json": "all scores, intervals and tests of this report",
    "predictions/": "the answers of every system, with every metric of every answer",
    "heuristics/": "the same for the heuristic baselines and upper bounds",
    "metrics.json in the folder of each trained model": "training time, memory and losses",
}


def decoding_note(scores: Scores) -> str:
    """Return the sentences on how the systems' answers were decoded."""
    sentences = [f"Answers have at most {MAX_ANSWER_TOKENS} tokens and are decoded greedily in float32."]
    for name, system in scores.systems.items():
        if system.decoding.method == "mbr":
            sentences.append(
                f"{name} uses minimum Bayes risk (MBR) decoding instead. It samples {system.decoding.samples} answers "
                f"at temperature {system.decoding.temperature:g} and returns the answer that is most similar to all "
                "of them by the first encoder. The same encoder computes the similarity, so check a gain with the "
                "other metrics."
            )
    return " ".join(sentences)


def system_note(name: str, system: SystemScores) -> str:
    """Return one line about a system: its model, its prompt and its decoding."""
    model = f" {system.model}" if system.model else ""
    return (
        f"{name}: model{model} with SHA-256 {system.sha256}, {system.prompt} prompt, {system.decoding.method} decoding"
    )


def measured_note(scores: Scores) -> str:
    """Return the sentence on when and on what the scores were measured."""
    return f"The scores were measured on {scores.date} (UTC), on revision {scores.revision} of the corpus."


def few_papers_warning(scores: Scores) -> str:
    """Return a warning that names the configs with too few papers for reliable intervals; empty without one."""
    few = [
        f"{config} ({entry.papers} papers)"
        for config, entry in scores_by_config(scores).items()
        if entry.papers < FEW_PAPERS
    ]
    advice = f"permutation tests find only large differences. Use at least {FEW_PAPERS} papers."
    return f"Few test papers: {', '.join(few)}. The intervals are wide, and the {advice}" if few else ""
