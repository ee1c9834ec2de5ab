"""The checkpoint chosen by what is measured: similarity of answers to validation questions, not loss."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


class ValidationAnswers:
    """Answers a fixed sample of validation questions and scores the answers as the evaluation does."""

    def __init__(
        self,
        validation: Dataset,
        questions: int,
        encoder: str,
        tokenizer: PreTrainedTokenizerBase,
        batch_size: int = 16,
    ) -> None:
        from eval.answer_similarity.answer_similarity import AnswerSimilarity
        from eval.model_folder import find_model
        from eval.run import sample

        self.rows: list[dict[str, Any]] = sample(validation.to_list(), questions)
        self.encoder = str(find_model("encoder", encoder).path)
        self.tokenizer = copy.deepcopy(tokenizer)
        self.tokenizer.padding_side = "left"
        self.metric = AnswerSimilarity()
        self.batch_size = batch_size

    def similarity(self, model: PreTrainedModel) -> float:
        """Return the mean cosine similarity of the model's greedy answers; each process answers its share."""
        import torch
        from accelerate import PartialState
        from accelerate.utils import reduce

        from eval.answering import answer_in_batches

        processes = PartialState()
        share = self.rows[processes.process_index :: processes.num_processes]
        answers: dict[int, str] = {}
        was_training = model.training
        model.eval()
        for batch in answer_in_batches(model, self.tokenizer, share, self.batch_size, set()):
            answers.update(batch)
        model.train(was_training)
        similarities = []
        if share:
            similarities = self.metric.compute(
                predictions=[answers[number] for number in range(len(share))],
                references=[row["answer"] for row in share],
                encoder=self.encoder,
            )["cosine_similarities"]
        total = reduce(torch.tensor([sum(similarities), len(share)], device=processes.device), "sum")
        return (total[0] / total[1]).item()
