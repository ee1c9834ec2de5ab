"""Cards: the README.md of the corpus and of each trained model, from what the other rooms measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dataset_builder.build import REPORT_FILE
from dataset_builder.errors import InputError
from dataset_builder.files import read_json, write_text
from dataset_builder.loading import corpus_revision, load_corpus_split
from dataset_builder.prompt import INSTRUCTION, MAX_ANSWER_TOKENS, build_prompt
from dataset_builder.splits import FIRST_TEST_YEAR, SPLITS
from eval.comparison import as_markdown, comparison
from eval.model_folder import RECIPE_FILE, ModelFolder, find_model
from eval.run import trained

TEMPLATES = Path(__file__).parent / "templates"


def render(dataset: Path, scores_path: Path, dataset_id: str) -> list[Path]:
    """Write the card of the corpus `dataset` and of each trained model in the scores; return the files written.

    `dataset_id` is what the cards call the corpus. Raises `InputError` for scores that are not of this corpus or of
    these models as they are now.
    """
    scores = read_json(scores_path)
    report = read_json(dataset / REPORT_FILE)
    if scores["revision"] != corpus_revision(str(dataset)):
        raise InputError(
            f"{scores_path}: its scores are on {scores['dataset']} as it was at {scores['revision']}, and {dataset} "
            "is another corpus; run the evaluation again"
        )
    folders = [_scored_model(scores_path, scores, name) for name in scores["models"]]
    metrics = trained(folders)
    shared = {
        "scores": scores,
        "comparison": as_markdown(*comparison(scores, metrics)),
        "encoders": ", ".join(f"`{encoder}`" for encoder in scores["encoders"]),
        "dataset_id": dataset_id,
    }
    written = [dataset / "README.md"]
    write_text(written[0], _corpus_card(dataset, report, shared))
    for folder in folders:
        if folder.name in metrics:
            path = folder.path / "README.md"
            write_text(path, _model_card(folder, metrics[folder.name], report, shared))
            written.append(path)
    return written


def _scored_model(scores_path: Path, scores: dict[str, Any], name: str) -> ModelFolder:
    source = scores["model_folders"][name]
    folder = find_model(name, source["path"])
    if folder.fingerprint() != source["sha256"]:
        raise InputError(
            f"{scores_path}: its scores of {name} were made before {source['path']} changed; run the evaluation again"
        )
    return folder


def _model_card(folder: ModelFolder, metrics: dict[str, Any], report: dict[str, Any], shared: dict[str, Any]) -> str:
    from huggingface_hub import EvalResult, ModelCard, ModelCardData

    scores, dataset_id = shared["scores"], shared["dataset_id"]
    lora = metrics["method"] == "lora"
    base = metrics["base_model"] or metrics["base_model_path"]
    results = [
        EvalResult(
            task_type="text-generation",
            task_name="Question answering over an abstract",
            dataset_type=dataset_id,
            dataset_name=f"ISCA-QA, test written by {config}",
            dataset_config=config,
            dataset_split="test",
            dataset_revision=scores["revision"],
            metric_type="cosine_similarity",
            metric_name=f"Cosine similarity ({encoder})",
            metric_value=entry["cosine_similarity"]["mean"],
        )
        for config, entry in scores["models"][folder.name].items()
        for encoder in scores["encoders"][:1]
    ]
    data = ModelCardData(
        model_name=folder.path.name,
        language="en",
        license=metrics["license"] or "other",
        library_name="peft" if lora else "transformers",
        pipeline_tag="text-generation",
        tags=["computer-architecture", "question-answering", *(["lora"] if lora else [])],
        datasets=[dataset_id],
        metrics=["cosine_similarity"],
        # The Hub's id alone: a path of this machine means nothing there.
        base_model=metrics["base_model"],
        base_model_relation=("adapter" if lora else "finetune") if metrics["base_model"] else None,
        eval_results=results,
    )
    years = sorted({year for entry in scores["models"][folder.name].values() for year in _years(entry)})
    kind = "A LoRA adapter for" if lora else "A full fine-tuning of"
    card = ModelCard.from_template(
        data,
        template_path=str(TEMPLATES / "model.md.j2"),
        title=folder.path.name,
        name=folder.name,
        summary=f"{kind} `{base}`, trained on the ISCA-QA corpus.",
        metrics=metrics,
        environment=read_json(folder.path / "environment.json"),
        recipe=(folder.path / RECIPE_FILE).read_text(encoding="utf-8").strip(),
        method="LoRA: an adapter, the base unchanged" if lora else "full fine-tuning, every parameter",
        losses=_losses_table(metrics),
        snippet=_snippet(folder, base, lora),
        test_years=f"{years[0]}-{years[-1]}" if len(years) > 1 else years[0],
        train_teacher=report["train_teacher"],
        **shared,
    )
    return str(card)


def _years(entry: dict[str, Any]) -> list[str]:
    return list(entry["cosine_similarity"]["by_year"])


def _losses_table(metrics: dict[str, Any]) -> str:
    def cell(loss: float | None) -> str:
        return "" if loss is None else f"{loss:.3f}"

    rows = [
        [str(epoch["epoch"]), cell(epoch["train_loss"]), cell(epoch["validation_loss"])]
        for epoch in metrics["loss_by_epoch"]
    ]
    return as_markdown(["epoch", "training", "validation"], rows)


def _snippet(folder: ModelFolder, base: str, lora: bool) -> str:
    """Return Python that loads the model and answers one question."""
    if lora:
        load = [
            "from peft import PeftModel",
            "from transformers import AutoModelForCausalLM, AutoTokenizer",
            "",
            f'base = AutoModelForCausalLM.from_pretrained("{base}")',
            f'model = PeftModel.from_pretrained(base, "{folder.given}")',
        ]
    else:
        load = [
            "from transformers import AutoModelForCausalLM, AutoTokenizer",
            "",
            f'model = AutoModelForCausalLM.from_pretrained("{folder.given}")',
        ]
    prompt = build_prompt(INSTRUCTION, "{abstract}", "{question}").replace("\n", "\\n")
    return "\n".join(
        [
            *load,
            f'tokenizer = AutoTokenizer.from_pretrained("{folder.given}")',
            'abstract = "..."  # the text of the abstract',
            'question = "What problem does the paper address?"',
            f'prompt = f"{prompt}"',
            'inputs = tokenizer(prompt, return_tensors="pt")',
            f"tokens = model.generate(**inputs, max_new_tokens={MAX_ANSWER_TOKENS}, do_sample=False)",
            'print(tokenizer.decode(tokens[0, inputs["input_ids"].shape[1]:], skip_special_tokens=True))',
        ]
    )


def _corpus_card(dataset: Path, report: dict[str, Any], shared: dict[str, Any]) -> str:
    from huggingface_hub import DatasetCard

    card = DatasetCard.from_template(
        DatasetCard.load(dataset / "README.md").data,
        template_path=str(TEMPLATES / "corpus.md.j2"),
        report=report,
        configs=", ".join(f"`{name}`" for name in report["test_teachers"]),
        first_test_year=FIRST_TEST_YEAR,
        counts=_counts_table(report),
        overlap=_overlap_table(report),
        papers_in_two_splits=sum(report["papers_in_two_splits"].values()),
        dropped=_dropped_text(report),
        example=load_corpus_split(str(dataset), None, "train")[0],
        **shared,
    )
    return str(card)


def _counts_table(report: dict[str, Any]) -> str:
    rows = [
        [f"`{name}`", *(f"{config[split]['papers']} / {config[split]['pairs']}" for split in SPLITS)]
        for name, config in report["configs"].items()
    ]
    return as_markdown(["config, papers / pairs", *SPLITS], rows)


def _overlap_table(report: dict[str, Any]) -> str:
    rows = [
        [f"`{name}`, {what}", str(of["texts"]), str(of["texts_sharing_a_run"]), f"{of['share_of_runs']:.2%}"]
        for name, config in report["overlap_of_test_with_train"].items()
        for what, of in config.items()
    ]
    return as_markdown(["test text", "texts", "that share a run", "share of all runs"], rows)


def _dropped_text(report: dict[str, Any]) -> str:
    lines = [
        f"- {count} pairs of `{teacher}`, read for {role}: {reason}"
        for role, by_teacher in (
            ("training", {report["train_teacher"]: report["dropped"]["train"]}),
            ("test", report["dropped"]["test"]),
        )
        for teacher, reasons in by_teacher.items()
        for reason, count in reasons.items()
    ]
    return "\n".join(lines) or "No pair was left out."
