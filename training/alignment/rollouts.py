"""Sample the answers of a GRPO step as the evaluation samples them: the questions on a paper share its abstract."""

from collections.abc import Mapping
from typing import Any

from transformers import PreTrainedTokenizerBase

from dataset_builder.corpus.questions import Question
from eval.generation.answers import SampledTokens, sample_tokens_in_batches
from eval.run_metrics import AnswerSampling
from training.validation import in_evaluation_mode

# More steps than any run has, so that runs with other seeds share no draw.
STEPS = 10**6


class SharedAbstractRollouts:
    """A `rollout_func` of TRL's GRPOTrainer."""

    def __init__(self, questions: Mapping[str, Question], tokenizer: PreTrainedTokenizerBase) -> None:
        """Take the question of each prompt that the trainer has."""
        self._questions = questions
        self._tokenizer = tokenizer

    def __call__(self, prompts: list[str], trainer: Any) -> dict[str, Any]:
        """Return `prompt_ids` and `completion_ids`, a list of token ids for each of `prompts`.

        A prompt that occurs several times gets another answer each time. `logprobs` is None: the trainer computes
        the probabilities with the weights that sampled.
        """
        args, processes = trainer.args, trainer.accelerator
        distinct = list(dict.fromkeys(prompts))
        questions = [self._questions[prompt] for prompt in distinct]
        # Each step and each process draws other random numbers, and a resumed run draws those of an unbroken one.
        step = args.seed * STEPS + trainer.state.global_step
        seed = step * processes.num_processes + processes.process_index
        sampling = AnswerSampling(samples=max(map(prompts.count, distinct)), temperature=args.temperature, seed=seed)
        sampled: dict[int, SampledTokens] = {}
        with in_evaluation_mode(trainer.model):
            for batch in sample_tokens_in_batches(trainer.model, self._tokenizer, questions, sampling):
                sampled |= batch
        of_prompt = {prompt: sampled[number] for number, prompt in enumerate(distinct)}
        answers = {prompt: iter(tokens.answers) for prompt, tokens in of_prompt.items()}
        return {
            "prompt_ids": [of_prompt[prompt].prompt for prompt in prompts],
            "completion_ids": [next(answers[prompt]) for prompt in prompts],
            "logprobs": None,
        }
