"""State the results that the original study published: GPT-2 small, all-MiniLM-L6-v2 as the encoder."""

from dataclasses import dataclass


@dataclass(frozen=True)
class StudyResult:
    """The mean cosine similarity of one system over all test questions, and by the year of the paper."""

    mean: float
    by_year: dict[str, float]


# By the teacher that wrote the test questions, then by system.
STUDY_RESULTS = {
    "Mistral-7B": {
        "baseline": StudyResult(0.616, {"2022": 0.634, "2023": 0.616, "2024": 0.601}),
        "full": StudyResult(0.598, {"2022": 0.588, "2023": 0.597, "2024": 0.606}),
        "lora": StudyResult(0.623, {"2022": 0.622, "2023": 0.628, "2024": 0.620}),
    },
    "Gemma-2-2b": {
        "baseline": StudyResult(0.637, {"2022": 0.632, "2023": 0.630, "2024": 0.648}),
        "full": StudyResult(0.656, {"2022": 0.622, "2023": 0.651, "2024": 0.690}),
        "lora": StudyResult(0.679, {"2022": 0.668, "2023": 0.672, "2024": 0.695}),
    },
}
# The study's teacher whose prompt each of our test configs shares.
STUDY_TEACHERS = {"plain": "Mistral-7B", "mistral": "Mistral-7B", "detailed": "Gemma-2-2b", "gemma": "Gemma-2-2b"}
