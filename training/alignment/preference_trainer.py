"""Train on rows of preferences with TRL's DPOTrainer: the abstract once, then each question, then its two answers."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from datasets import Dataset
from torch.nn.functional import pad
from torch.nn.utils.rnn import pad_sequence
from tqdm import tqdm
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.dpo_trainer import DPOTrainer

from dataset_builder.journal import Journal
from dataset_builder.token_rows.collator import attention_mask
from dataset_builder.token_rows.row import NO_LOSS
from training.trainers.guarded_trainer import GuardedTrainer
from training.trainers.label_scores import score_labels

# A batch of `training.alignment.preferences.PreferenceCollator`.
Batch = Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class RowReference:
    """The log-probabilities of both answers to each question of the row `number`, by the reference model."""

    number: int
    log_probs: list[list[float]]


@dataclass(frozen=True)
class AnswerScores:
    """The scores of the answers' tokens: the keys of TRL's own output that DPOTrainer reads.

    Each is (answers, longest answer), first the chosen answers and then the rejected ones, and 0 after an answer.
    `mean_logits` is the mean over the vocabulary; the others are as in `LabelScores`.
    """

    log_probs: torch.Tensor
    entropy: torch.Tensor
    mean_logits: torch.Tensor
    is_top1: torch.Tensor


class PreferenceTrainer(GuardedTrainer, DPOTrainer):
    """Trains an adapter on the rows of `training.alignment.preferences`. Losses and logged rewards are TRL's.

    TRL puts each answer into a row with its whole prompt. Here the model reads a paper's row at once, and TRL gets the
    scores of each answer as if the answer had a row.
    """

    # The loss is the mean over the questions of a step, however its rows are divided into batches.
    loss_is_scaled_for_ga = True

    def __init__(self, *, args: DPOConfig, train_dataset: Dataset, **kwargs: Any) -> None:
        args = copy.copy(args)
        args.remove_unused_columns = False
        # TRL tokenizes the dataset that it is given. These rows are tokenized, so it gets another one.
        empty = Dataset.from_list([{"prompt": "", "chosen": "", "rejected": ""}])
        super().__init__(args=args, train_dataset=empty, **kwargs)
        self.train_dataset = train_dataset
        self.precompute_ref_logps = True

    def add_reference(self, journal: Journal[RowReference]) -> None:
        """Add to each row the log-probabilities of its answers before training, and remove TRL's reference adapter.

        Each process computes a share of the rows that the journal lacks, and adds them to it.
        """
        rows: Any = self.train_dataset
        known = {row.number: row.log_probs for row in journal.read_new()}
        share = range(self.accelerator.process_index, len(rows), self.accelerator.num_processes)
        missing = [number for number in share if number not in known]
        with self.fast_attention():
            for number in tqdm(missing, desc="reference", unit="row", disable=self.args.disable_tqdm):
                journal.append([RowReference(number, self._reference(self.data_collator([rows[number]])))])
        self.accelerator.wait_for_everyone()
        known |= {row.number: row.log_probs for row in journal.read_new()}
        self.train_dataset = rows.add_column("reference_log_probs", [known[number] for number in range(len(rows))])
        self.network.delete_adapter("ref")

    def get_batch_samples(self, *args: Any, **kwargs: Any) -> tuple[list[Batch], torch.Tensor]:
        """Return the batches of a step, and the number of questions in them on all processes."""
        batches, _ = super().get_batch_samples(*args, **kwargs)
        questions = sum(len(batch["reference_log_probs"]) for batch in batches)
        total: torch.Tensor = self.accelerator.reduce(torch.tensor(questions, device=self.accelerator.device), "sum")
        return batches, total

    def compute_loss(
        self,
        model: Any,
        inputs: Batch,
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> torch.Tensor:
        """Return the share of a batch in TRL's loss of a step of `num_items_in_batch` questions; None: of its own."""
        loss: torch.Tensor = super().compute_loss(  # type: ignore[no-untyped-call]  # TRL
            lambda **ignored: score_answers(model, inputs), answers_as_rows(inputs)
        )
        if num_items_in_batch is None:
            return loss
        # The gradients of several processes are averaged.
        share = len(inputs["reference_log_probs"]) / num_items_in_batch * self.accelerator.num_processes
        scaled: torch.Tensor = loss * share
        return scaled

    def _reference(self, batch: Batch) -> list[list[float]]:
        on_device = {name: tensor.to(self.accelerator.device) for name, tensor in batch.items()}
        log_probs = self.compute_ref_log_probs(  # type: ignore[no-untyped-call]  # TRL
            lambda **ignored: score_answers(self.network, on_device), answers_as_rows(on_device)
        )
        by_question: list[list[float]] = torch.stack(log_probs, dim=1).tolist()
        return by_question


def score_answers(model: Any, batch: Batch) -> AnswerScores:
    """Return the scores of the answers in a batch by a causal language model."""
    following = batch["labels"][:, 1:]
    predicting = following != NO_LOSS
    labels = following[predicting]
    # Logits of the other columns are not needed, and a row has many.
    columns = predicting.any(dim=0).nonzero()[:, 0]
    logits = model(
        input_ids=batch["input_ids"],
        position_ids=batch["position_ids"],
        attention_mask=attention_mask(batch["parts"], batch["branches"]),
        logits_to_keep=columns,
        use_cache=False,
    ).logits[predicting[:, columns]]
    scores = score_labels(logits[None], labels[None])
    by_token = (scores.log_probs[0], scores.entropy[0], logits.detach().float().mean(dim=-1), scores.is_top1[0])
    return AnswerScores(*(_by_answer(values, batch) for values in by_token))


def answers_as_rows(batch: Batch) -> dict[str, torch.Tensor]:
    """Return the inputs of TRL's loss, which have a row for each answer; they hold the answers only.

    Their attention mask is that of the batch, by which TRL counts the tokens.
    """
    following = batch["labels"][:, 1:]
    labels = following[following != NO_LOSS]
    # TRL predicts each token from the column before it.
    ids, is_answer = (pad(_by_answer(values, batch), [1, 0]) for values in (labels, torch.ones_like(labels)))
    inputs = {"input_ids": ids, "completion_mask": is_answer, "attention_mask": batch["attention_mask"]}
    if len(batch["reference_log_probs"]):
        chosen, rejected = batch["reference_log_probs"].unbind(dim=1)
        inputs |= {"ref_chosen_logps": chosen, "ref_rejected_logps": rejected}
    return inputs


def _by_answer(values: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Return values of tokens (tokens,) by answer (answers, longest answer): first the chosen answers."""
    rows = pad_sequence(list(torch.split(values, batch["answer_tokens"].tolist())), batch_first=True)
    return torch.cat([rows[0::2], rows[1::2]])
