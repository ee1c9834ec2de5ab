"""What the study that this project makes repeatable found: GPT-2 small, scored by the same encoder."""

from __future__ import annotations

# By test teacher, mean cosine similarity over all test pairs, and by year of the paper.
FOUND = {
    "Mistral-7B": {
        "baseline": (0.616, {"2022": 0.634, "2023": 0.616, "2024": 0.601}),
        "full": (0.598, {"2022": 0.588, "2023": 0.597, "2024": 0.606}),
        "lora": (0.623, {"2022": 0.622, "2023": 0.628, "2024": 0.620}),
    },
    "Gemma-2-2b": {
        "baseline": (0.637, {"2022": 0.632, "2023": 0.630, "2024": 0.648}),
        "full": (0.656, {"2022": 0.622, "2023": 0.651, "2024": 0.690}),
        "lora": (0.679, {"2022": 0.668, "2023": 0.672, "2024": 0.695}),
    },
}
# Our config written in the manner of each of the study's test teachers.
MANNERS = {"Mistral-7B": ("plain", "mistral"), "Gemma-2-2b": ("detailed", "gemma")}
