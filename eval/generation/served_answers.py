"""Collect the answers of a model behind a server, with many requests at once."""

from collections.abc import Callable, Sequence

from dataset_builder.corpus.questions import CorpusQuestion
from dataset_builder.errors import InputError
from dataset_builder.prompt import MAX_ANSWER_TOKENS, build_prompt
from dataset_builder.server.client import CompletionRequest, ServerClient
from eval.prompting import Answer, Prompt, build_chat_turn
from eval.served_model import TEMPERATURE, ServedModel


def answer_by_server(
    model: ServedModel,
    questions: Sequence[CorpusQuestion],
    prompt: Prompt,
    on_answers: Callable[[dict[int, Answer]], None],
) -> None:
    """Call `on_answers` with each greedy answer by question number, as soon as the server responds.

    The server applies its chat template to a chat prompt, and continues the text of a plain prompt.

    Raises `InputError` as `ServerClient.run`, and at the end if questions are left without an answer.
    """
    client = ServerClient(model.server, f"{model.name}={model.given}")

    async def answer(number: int) -> None:
        completion = await client.complete(_request(questions[number], prompt))
        on_answers({number: prompt.read_answer(completion.text, at_limit=completion.finish_reason == "length")})

    if failures := client.run(range(len(questions)), answer):
        raise InputError(
            f"{model.name}={model.given}: no answer to {len(failures)} of {len(questions)} questions. The last reason "
            f"is: {failures[-1]}. The other answers are kept; run the same command again to ask for the rest"
        )


def _request(question: CorpusQuestion, prompt: Prompt) -> CompletionRequest:
    is_chat = prompt.form == "chat"
    build = build_chat_turn if is_chat else build_prompt
    return CompletionRequest(
        label=f"{question.paper_id}, {question.question[:60]!r}",
        prompt=build(question.instruction, question.context, question.question),
        max_tokens=MAX_ANSWER_TOKENS,
        temperature=TEMPERATURE,
        is_chat=is_chat,
    )
