"""Best of n: a model's sampled answers to the training questions, the nearest to each reference made a new corpus.

    python -m training.best_of_n --model runs/smollm2-lora --dataset data/corpus --out data/best-of-8

The corpus has these answers for training and the old ones for validation; `training.sft --dataset data/best-of-8`
trains on it as on any other (rejection sampling). Killed and started again, it goes on where it was.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from dataclasses import asdict
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
    command.add_argument(
        "--batch-size", type=int, metavar="N", help="questions at a time, at most; default: what the device takes"
    )
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
    for option, value in (("--samples", arguments.samples), ("--batch-size", arguments.batch_size)):
        if value is not None and value < 1:
            raise InputError(f"{option} {value}: must be 1 or more")
    if arguments.temperature <= 0:
        raise InputError(f"--temperature {arguments.temperature}: must be over 0; 0.8 is the default")
    report = best_of_n(**vars(arguments))
    Console().print(
        f"{report['pairs']} answers: similarity {report['mean_similarity']:.3f} in the mean of the samples, "
        f"{report['best_similarity']:.3f} of the best. Corpus: {arguments.out}",
        soft_wrap=True,
    )


def best_of_n(
    model: str,
    dataset: str,
    out: Path,
    samples: int,
    temperature: float,
    seed: int,
    encoder: str,
    batch_size: int | None = None,
) -> dict[str, Any]:
    """Write the corpus to `out` and return its report: what it was made from, and the similarities."""
    from datasets import Dataset
    from tqdm import tqdm

    from dataset_builder.corpus.load import corpus_revision, load_corpus_split
    from dataset_builder.hardware import use_all_threads
    from eval.generation.answers import load_model, sample_in_batches
    from eval.generation.shared_prefix import Sampling
    from eval.metrics.embedding import Encoder
    from eval.models import find_encoder, find_model

    use_all_threads()
    folder, encoder_folder = find_model("model", model), find_encoder("--encoder", encoder)
    splits = {split: load_corpus_split(dataset, None, split) for split in ("train", "validation")}
    rows = splits["train"].to_list()
    sampling = Sampling(samples, temperature, seed)
    made_from = {
        "model": model,
        "model_sha256": folder.fingerprint,
        "dataset": dataset,
        "dataset_revision": corpus_revision(dataset),
        "encoder_sha256": encoder_folder.fingerprint,
        "sampling": asdict(sampling),
    }
    if out.is_dir() and any(out.iterdir()) and not (out / CONFIG).is_dir():
        raise InputError(f"--out {out}: holds files that are no such corpus; give another folder")
    make_writable_folder(out / CONFIG)
    journal = out / f".partial.{hashlib.sha256(json.dumps(made_from).encode()).hexdigest()[:16]}.jsonl"
    chosen = _read(journal)

    measure = Encoder(encoder_folder)
    missing = [number for number in range(len(rows)) if number not in chosen]
    with tqdm(total=len(rows), initial=len(chosen), desc="sampling answers", unit="question") as bar:
        asked = [rows[number] for number in missing]
        for batch in sample_in_batches(*load_model(folder), asked, sampling, batch_size) if missing else ():
            kept = {}
            for place, answers in batch.items():
                similarities = measure.similarities(answers, [asked[place]["answer"]] * samples)
                best = int(similarities.argmax())
                kept[missing[place]] = {
                    "answer": answers[best],
                    "best": float(similarities[best]),
                    "mean": float(similarities.mean()),
                }
            chosen |= kept
            with journal.open("a", encoding="utf-8") as file:
                file.write(json.dumps(list(kept.items()), ensure_ascii=False) + "\n")
            bar.update(len(batch))

    kept = [chosen[number] for number in range(len(rows))]
    new = [{**row, "answer": of["answer"]} for row, of in zip(rows, kept, strict=True) if of["answer"]]
    for split, of_split in (("train", Dataset.from_list(new, splits["train"].features)), *list(splits.items())[1:]):
        with replacing(out / CONFIG / f"{split}-00000-of-00001.parquet") as temporary:
            of_split.to_parquet(temporary)
    report = {
        **made_from,
        "pairs": len(new),
        "empty_answers_left_out": len(rows) - len(new),
        "mean_similarity": sum(of["mean"] for of in kept) / len(kept),
        "best_similarity": sum(of["best"] for of in kept) / len(kept),
    }
    write_json(out / "report.json", report)
    # The card makes the folder a corpus, so it comes last.
    write_text(out / "README.md", CARD.format(config=CONFIG, samples=samples, dataset=dataset, model=model))
    journal.unlink(missing_ok=True)
    return report


def _read(journal: Path) -> dict[int, dict[str, Any]]:
    """Return the answers in the journal by row, a batch a line; a line that a kill cut off counts for nothing."""
    if not journal.is_file():
        return {}
    *whole, cut_off = journal.read_text(encoding="utf-8").split("\n")
    if cut_off:
        write_text(journal, "".join(f"{line}\n" for line in whole))
    return dict(pair for line in whole for pair in json.loads(line))


if __name__ == "__main__":
    with exit_on_input_error():
        main()
