"""eval.yaml: the corpus as a benchmark, whose leaderboard the Hub draws from the models' `.eval_results`.

The keys are those of https://huggingface.co/docs/hub/eval-results; the framework must be one that the Hub lists, and
what it runs is read by inspect_ai/_eval/task/hf.py.
"""

from __future__ import annotations

import yaml

from dataset_builder.prompt import INSTRUCTION, MAX_ANSWER_TOKENS, build_prompt

EVAL_FILE = "eval.yaml"
DESCRIPTION = (
    "Questions on abstracts of computer architecture papers, one task for each teacher who wrote a test split. The "
    "scores that models report here are mean cosine similarities of sentence embeddings between answer and reference, "
    "from -1 to 1. Inspect has no such scorer: run by it, a task reports token F1, which is another number."
)


def benchmark_yaml(configs: list[str]) -> str:
    """Return eval.yaml with one task a config, named like it.

    The abstract is the input and the question its metadata, not the other way round: where the contexts are null, the
    framework then stops for want of an input, in place of asking the question with no abstract.
    """
    template = build_prompt(INSTRUCTION, "{prompt}", "{question}")
    tasks = [
        {
            "id": config,
            "config": config,
            "split": "test",
            "field_spec": {"input": "context", "target": "answer", "metadata": ["question"]},
            "solvers": [
                {"name": "prompt_template", "args": {"template": template}},
                {"name": "generate", "args": {"max_tokens": MAX_ANSWER_TOKENS, "temperature": 0.0}},
            ],
            "scorers": [{"name": "f1"}],
        }
        for config in configs
    ]
    benchmark = {"name": "ISCA-QA", "description": DESCRIPTION, "evaluation_framework": "inspect-ai", "tasks": tasks}
    return yaml.safe_dump(benchmark, sort_keys=False, allow_unicode=True, width=120)
