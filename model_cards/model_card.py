"""Render the card of one trained model."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from dataset_builder.corpus.card import GEMMA_TERMS
from dataset_builder.hub.card_merge import render_card
from dataset_builder.prompt import INSTRUCTION, MAX_ANSWER_TOKENS, build_prompt
from eval.analysis.scores import Scores
from eval.metrics.lexical import HEADLINE
from eval.report import notes
from eval.report.tables import as_markdown, comparison, loss_table
from model_cards.figures import LOSS_CURVE, REWARD_CURVE
from model_cards.metadata import GEMMA, card_metadata
from model_cards.names import Names
from model_cards.trained_run import TrainedRun

METHODS = {
    "full": "full fine-tuning: all parameters are trained",
    "lora": "LoRA: an adapter is trained, the base model stays unchanged",
    "grpo": "GRPO: a LoRA adapter is trained with a reward, the base model stays unchanged",
}
TEMPLATES = Path(__file__).parent / "templates"
GEMMA_PROHIBITED_USES = "https://ai.google.dev/gemma/prohibited_use_policy"
# Section 3.1 of the terms prescribes these words.
GEMMA_NOTICE = "Gemma is provided under and subject to the Gemma Terms of Use found at ai.google.dev/gemma/terms"

LOAD_ADAPTER = """\
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

{note}base = AutoModelForCausalLM.from_pretrained("{base}")
model = PeftModel.from_pretrained(base, "{model}")
"""
LOAD_MODEL = """\
from transformers import AutoModelForCausalLM, AutoTokenizer

model = AutoModelForCausalLM.from_pretrained("{model}")
"""
ANSWER = """\
tokenizer = AutoTokenizer.from_pretrained("{model}")
abstract = "A cache that is indexed by a hash of the address loses fewer lines to conflicts."
question = "How does the cache lose fewer lines to conflicts?"
prompt = f"{prompt}"
inputs = tokenizer(prompt, return_tensors="pt")
tokens = model.generate(**inputs, max_new_tokens={max_new_tokens}, do_sample=False)
print(tokenizer.decode(tokens[0, inputs["input_ids"].shape[1]:], skip_special_tokens=True))"""
BASE_NOTE = (
    "# The adapter was trained and scored on the base model described above, which differs slightly from this.\n"
)


def model_card(run: TrainedRun, scores: Scores, names: Names, license_id: str | None) -> str:
    """Return the card of the model of `run`, which `scores` calls `run.system`.

    `license_id` is the licence of the trained model. With "gemma" the card carries Gemma's terms, for a model that was
    trained on the output of a Gemma model.
    """
    trained, scored = names.trained, names.scored
    configs = scores.systems[run.system].configs
    years = sorted({year for entry in configs.values() for year in entry.metrics[HEADLINE].by_year})
    templates = Environment(
        loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    text = templates.get_template("model.md.j2").render(
        title=Path(names.model).name,
        run=run,
        metrics=run.metrics,
        names=names,
        trained=trained,
        teacher=trained.corpus.report.train_teacher if trained.corpus.report else None,
        same_corpus=(trained.corpus.dataset, trained.corpus.revision) == (scored.dataset, scored.revision),
        method=METHODS[run.metrics.method],
        snippet=_snippet(run, names),
        scores=scores,
        configs=configs,
        test_years=years[0] if len(years) == 1 else f"{years[0]} to {years[-1]}",
        scores_table=as_markdown(*comparison(scores, {})),
        loss_table=as_markdown(*loss_table(run.metrics)),
        notes=notes,
        decoding_note=notes.decoding_note(scores),
        recipe=run.recipe_for(names, license_id),
        loss_curve=LOSS_CURVE,
        reward_curve=REWARD_CURVE,
        license_id=license_id,
        is_gemma=license_id == GEMMA,
        gemma_notice=GEMMA_NOTICE,
        gemma_terms=GEMMA_TERMS,
        gemma_prohibited_uses=GEMMA_PROHIBITED_USES,
    )
    return render_card(card_metadata(run, scores, names, license_id), text)


def _snippet(run: TrainedRun, names: Names) -> str:
    """Return Python that loads the model and answers one question."""
    return ((LOAD_ADAPTER if run.is_adapter else LOAD_MODEL) + ANSWER).format(
        model=names.model,
        base=names.base,
        note=BASE_NOTE if run.metrics.base_model_note else "",
        prompt=build_prompt(INSTRUCTION, "{abstract}", "{question}").replace("\n", "\\n"),
        max_new_tokens=MAX_ANSWER_TOKENS,
    )
