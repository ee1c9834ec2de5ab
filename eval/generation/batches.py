"""Group questions by paper, and papers into batches that fit into the memory."""

from collections.abc import Sequence

import psutil
import torch
from transformers import PreTrainedModel

from dataset_builder.corpus.questions import Question
from dataset_builder.prompt import MAX_ANSWER_TOKENS
from eval.generation.shared_prefix import RowSize

# The share of the free memory that the keys and values of a batch may take. They are copied when papers are finished,
# and activations and logits need memory too.
SHARE_OF_MEMORY = 0.25


def group_by_paper(questions: Sequence[Question], prompts: list[list[int]]) -> list[list[int]]:
    """Return the numbers of the questions on each abstract, the abstracts with the longest prompts first."""
    papers: dict[tuple[str, str], list[int]] = {}
    for number, question in enumerate(questions):
        papers.setdefault((question.instruction, question.context), []).append(number)
    return sorted(papers.values(), key=lambda numbers: -max(len(prompts[number]) for number in numbers))


def plan_batches(
    papers: list[list[int]], prompts: list[list[int]], questions: int, tokens: int, samples: int = 1
) -> list[list[list[int]]]:
    """Return `papers` (question numbers by paper) in batches with at most so many questions and cached tokens.

    A paper with more questions than a batch may hold is divided. A batch holds at least one paper.
    """
    batches: list[list[list[int]]] = []
    count, size = 0, RowSize(0, 0, 0)
    for numbers in papers:
        for start in range(0, len(numbers), questions):
            paper = numbers[start : start + questions]
            own = RowSize.of_paper([prompts[number] for number in paper])
            padded = size.padded_to(own)
            rows = len(batches[-1]) + 1 if batches else 1
            fits = rows * padded.cache_columns(MAX_ANSWER_TOKENS, samples) <= tokens
            if batches and count + len(paper) <= questions and fits:
                batches[-1].append(paper)
                count, size = count + len(paper), padded
            else:
                batches.append([paper])
                count, size = len(paper), own
    return batches


def tokens_that_fit(model: PreTrainedModel) -> int:
    """Return how many tokens' keys and values fit into the share of the free memory that a batch may take."""
    with torch.inference_mode():
        # Layers that use the keys of another layer have none.
        cache = model(torch.zeros(1, 1, dtype=torch.long, device=model.device), use_cache=True).past_key_values
    bytes_per_token = sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers if layer.keys is not None)
    on_gpu = model.device.type == "cuda"
    free = torch.cuda.mem_get_info(model.device)[0] if on_gpu else psutil.virtual_memory().available
    return int(free * SHARE_OF_MEMORY) // int(bytes_per_token)
