"""Best of n: a model's sampled answers to the training questions, the nearest to each reference made a new corpus.

    python -m training.best_of_n --model runs/smollm2-lora --dataset data/corpus --out data/best-of-8

The corpus has these answers for training and the old ones for validation; `training.sft --dataset data/best-of-8`
trains on it as on any other (rejection sampling). Killed and started again, it goes on where it was.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dataset_builder.errors import InputError, exit_on_input_error
from dataset_builder.files import make_writable_folder, replacing, write_json, write_text

CONFIG = "best_of_n"
CARD = """---
configs:
- config_name: {config}
  default: true
  data_files:
  - split: train
    path: {config}/train-00000-of-00001.parquet
  - split: validation
    path: {config}/validation-00000-of-00001.parquet
---

# Training answers chosen out of {samples}

The training questions of `{dataset}`, each with the answer of `{model}` that is nearest to its reference out of
{samples} samples; `report.json` has how they were drawn. Validation is as it was.
"""


def parser() -> argparse.ArgumentParser:
    """Return the command's parser."""
    command = argparse.ArgumentParser(prog="python -m training.best_of_n", allow_abbrev=False)
    command.add_argument("--model", required=True, metavar="DIR", help="trained model or adapter that answers")
    command.add_argument("--dataset", required=True, metavar="DIR", help="corpus folder or Hub id")
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the new corpus")
    command.add_argument("--samples", type=int, default=8, metavar="N", help="answers a question; default: 8")
    command.add_argument("--temperature", type=float, default=0.8, help="of the sampling; default: 0.8")
    command.add_argument("--batch-size", type=int, default=8, metavar="N", help="questions at a time; default: 8")
    command.add_argument("--seed", type=int, default=0, help="default: 0")
    command.add_argument(
        "--encoder",
        default="sentence-transformers/all-MiniLM-L6-v2",
        metavar="DIR",
        help="sentence encoder that measures nearness, folder or Hub id; default: %(default)s",
    )
    return command


def main() -> None:
    """Sample, choose and write the corpus; say by how much the chosen are nearer than the mean sample."""
    from rich.console import Console

    arguments = parser().parse_args()
    if arguments.samples < 1 or arguments.batch_size < 1 or arguments.temperature <= 0:
        raise InputError(
            f"--samples {arguments.samples} --batch-size {arguments.batch_size} --temperature {arguments.temperature}:"
            " the first two must be 1 or more, the temperature over 0"
        )
    report = best_of_n(**vars(arguments))
    Console().print(
        f"{report['pairs']} answers: similarity {report['mean_similarity']:.3f} in the mean of the samples, "
        f"{report['best_similarity']:.3f} of the best. Corpus: {arguments.out}",
        soft_wrap=True,
    )


def best_of_n(
    model: str, dataset: str, out: Path, samples: int, temperature: float, batch_size: int, seed: int, encoder: str
) -> dict[str, Any]:
    """Write the corpus to `out` and return its report: what it was made from, and the similarities."""
    from datasets import Dataset
    from tqdm import tqdm

    from dataset_builder.hardware import use_all_threads
    from dataset_builder.loading import corpus_revision, load_corpus_split
    from eval.answer_similarity.answer_similarity import AnswerSimilarity
    from eval.answering import load_model
    from eval.model_folder import find_model

    use_all_threads()
    folder, encoder_folder = find_model("model", model), find_model("encoder", encoder)
    splits = {split: load_corpus_split(dataset, None, split) for split in ("train", "validation")}
    rows = splits["train"].to_list()
    made_from = {
        "model": model,
        "model_sha256": folder.fingerprint,
        "dataset": dataset,
        "dataset_revision": corpus_revision(dataset),
        "encoder_sha256": encoder_folder.fingerprint,
        "sampling": {"samples": samples, "temperature": temperature, "batch_size": batch_size, "seed": seed},
    }
    make_writable_folder(out / CONFIG)
    journal = out / f".partial.{hashlib.sha256(json.dumps(made_from).encode()).hexdigest()[:16]}.jsonl"
    chosen = _read(journal)

    metric = AnswerSimilarity()
    loaded = load_model(folder) if len(chosen) < len(rows) else None
    if loaded:
        loaded[1].padding_side = "left"
    with tqdm(total=len(rows), initial=len(chosen), desc="sampling answers", unit="question") as bar:
        for start in range(len(chosen), len(rows), batch_size):
            batch = rows[start : start + batch_size]
            drawn = list(_sample(*loaded, batch, samples, temperature, seed + start))
            references = [row["answer"] for row in batch for _ in range(samples)]
            found = metric.compute(predictions=drawn, references=references, encoder=str(encoder_folder.path))
            similarities = found["cosine_similarities"]
            kept = []
            for number in range(len(batch)):
                own = similarities[number * samples : (number + 1) * samples]
                best = max(range(samples), key=own.__getitem__)
                kept.append({"answer": drawn[number * samples + best], "best": own[best], "mean": sum(own) / samples})
            chosen += kept
            with journal.open("a", encoding="utf-8") as file:
                file.write(json.dumps(kept, ensure_ascii=False) + "\n")
            bar.update(len(batch))

    new = [{**row, "answer": kept["answer"]} for row, kept in zip(rows, chosen, strict=True) if kept["answer"]]
    for split, of_split in (("train", Dataset.from_list(new, splits["train"].features)), *list(splits.items())[1:]):
        with replacing(out / CONFIG / f"{split}-00000-of-00001.parquet") as temporary:
            of_split.to_parquet(temporary)
    report = {
        **made_from,
        "pairs": len(new),
        "empty_answers_left_out": len(rows) - len(new),
        "mean_similarity": sum(kept["mean"] for kept in chosen) / len(chosen),
        "best_similarity": sum(kept["best"] for kept in chosen) / len(chosen),
    }
    write_json(out / "report.json", report)
    # The card makes the folder a corpus, so it comes last.
    write_text(out / "README.md", CARD.format(config=CONFIG, samples=samples, dataset=dataset, model=model))
    journal.unlink()
    return report


def _sample(
    model: Any, tokenizer: Any, rows: list[dict[str, Any]], samples: int, temperature: float, seed: int
) -> Iterator[str]:
    """Yield `samples` answers to the first row, then to the next; the same for the same batch and seed."""
    import torch

    from dataset_builder.prompt import MAX_ANSWER_TOKENS, fit_prompt

    room = model.config.max_position_embeddings - MAX_ANSWER_TOKENS
    prompts = [fit_prompt(tokenizer, row["instruction"], row["context"], row["question"], room) for row in rows]
    inputs = tokenizer(prompts, return_tensors="pt", padding=True).to(model.device)
    torch.manual_seed(seed)
    with torch.inference_mode():
        tokens = model.generate(
            **inputs,
            max_new_tokens=MAX_ANSWER_TOKENS,
            do_sample=True,
            temperature=temperature,
            top_k=0,
            num_return_sequences=samples,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    for answer in tokenizer.batch_decode(tokens[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True):
        yield answer.strip()


def _read(journal: Path) -> list[dict[str, Any]]:
    """Return the answers in the journal, a batch a line; a line that a kill cut off counts for nothing."""
    if not journal.is_file():
        return []
    *whole, cut_off = journal.read_text(encoding="utf-8").split("\n")
    if cut_off:
        write_text(journal, "".join(f"{line}\n" for line in whole))
    return [answer for line in whole for answer in json.loads(line)]


if __name__ == "__main__":
    with exit_on_input_error():
        main()
