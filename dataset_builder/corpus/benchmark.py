"""Write eval.yaml, which makes the corpus a benchmark with a leaderboard on the Hub.

The keys are those of https://huggingface.co/docs/hub/eval-results. The framework must be one that the Hub lists; the
tasks have the form that inspect_ai/_eval/task/hf.py reads.
"""

import yaml

from dataset_builder.prompt import INSTRUCTION, MAX_ANSWER_TOKENS, build_prompt

EVAL_FILE = "eval.yaml"
DESCRIPTION = (
    "Questions on abstracts of computer architecture papers, with one task for each test teacher. The scores that "
    "models report here are mean cosine similarities between the sentence embeddings of answer and reference, from -1 "
    "to 1. Inspect has no such scorer: if Inspect runs a task, it reports token F1, which is a different metric."
)


def benchmark_yaml(configs: list[str]) -> str:
    """Return eval.yaml with one task for each config.

    The abstract is the input and the question is metadata: if the contexts are null, the framework stops for lack of
    an input. The other way round, it would ask the question without the abstract.
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
