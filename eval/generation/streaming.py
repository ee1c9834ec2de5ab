"""Generate the answer to one question, and yield its text while the model writes it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from transformers import PreTrainedModel, PreTrainedTokenizerBase, TextIteratorStreamer

from dataset_builder.corpus.questions import Question
from eval.generation.answers import answer_alone, encode_prompts
from eval.generation.number_guard import NumberGuard
from eval.prompting import PLAIN, Answer, Prompt


def stream_answer(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    question: Question,
    prompt: Prompt = PLAIN,
    guard: NumberGuard | None = None,
) -> Iterator[str | Answer]:
    """Yield the text so far after each new word, and last the answer, which is that of `answer_in_batches`.

    Raises `InputError` for a question that is too long.
    """
    (token_ids,) = encode_prompts(model, tokenizer, [question], prompt)
    streamer = TextIteratorStreamer(tokenizer, skip_prompt=True, skip_special_tokens=True)
    with ThreadPoolExecutor(max_workers=1) as executor:
        future = executor.submit(answer_alone, model, tokenizer, token_ids, prompt, guard, streamer)
        # The loop below waits for more text. After an error of the model, only this ends it.
        future.add_done_callback(lambda _: streamer.end())  # type: ignore[no-untyped-call]  # not annotated
        text = ""
        for words in streamer:
            if words:
                text += words
                yield text.strip()
        yield future.result()
