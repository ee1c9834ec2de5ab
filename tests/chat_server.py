"""`python -m tests.chat_server SCRIPT LOG`: a real server on loopback that speaks OpenAI's protocol.

It prints its port and answers every request with the abstract's first sentence, as a completion or in a chat. If a
request has a response_format, which the server refuses where OpenAI does, the answer is an object with two pairs made
of the first sentences, as a teacher would that copies. SCRIPT is a JSON object: by a part of the prompt, what to do
with the first, second, ... request that holds it, before the last answer is given again and again. LOG gets a line for
each request.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import sys
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

SENTENCE = re.compile(r"(?<=\.)\s+(?=[A-Z])")


def pairs_on(prompt: str) -> list[dict[str, str]]:
    """Return the pairs that the server writes on the paper of a prompt with lines "Title: " and "Abstract: "."""
    title = re.search(r"^Title: (.*)$", prompt, re.MULTILINE)[1]
    return [
        {"question": f"What is said {place} in the abstract of {title}?", "answer": sentence}
        for place, sentence in zip(("first", "second"), abstract_sentences(prompt), strict=False)
    ]


def abstract_sentences(prompt: str) -> list[str]:
    """Return the sentences of the abstract in a prompt with a line "Abstract: "."""
    return SENTENCE.split(re.search(r"^Abstract: (.*)$", prompt, re.MULTILINE)[1])


class ChatServer:
    """The state of the server: what it does next for whom, and how many answers it has given."""

    def __init__(self, script: dict[str, list[str]], log: Path) -> None:
        self.script = script
        self.log = log
        self.asked: dict[str, int] = {}
        self.in_flight = self.most_in_flight = self.answered = 0

    async def answer(self, request: Request) -> Response:
        """Answer one request as the script says."""
        body = await request.json()
        prompt = body["messages"][0]["content"] if "messages" in body else body["prompt"]
        key = next((key for key in self.script if key in prompt), "")
        number = self.asked[key] = self.asked.get(key, -1) + 1
        acts = self.script.get(key, [])
        act = acts[number] if number < len(acts) else "answer"
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        url = request.url
        sent = {"body": body, "headers": dict(request.headers), "path": url.path, "query": url.query}
        with self.log.open("a", encoding="utf-8") as log:
            log.write(json.dumps({**sent, "act": act, "in_flight": self.in_flight}) + "\n")
        try:
            if "response_format" not in body:
                return await self._act(act, sent, abstract_sentences(prompt)[0])
            if body["response_format"]["json_schema"]["schema"]["type"] != "object":
                return PlainTextResponse("schema must be a JSON Schema of 'type: \"object\"'", 400)
            return await self._act(act, sent, json.dumps({"pairs": pairs_on(prompt)}, ensure_ascii=False))
        finally:
            self.in_flight -= 1
            self.answered += 1

    async def _act(self, act: str, sent: dict[str, Any], text: str) -> Response:
        kind, _, value = act.partition(":")
        body = sent["body"]
        if kind == "status":
            status, _, pause = value.partition(",")
            return PlainTextResponse("no", int(status), {"Retry-After": pause} if pause else {})
        if kind == "refuse":
            return PlainTextResponse(value, 400)
        if kind == "repeat the key":
            return PlainTextResponse(f"wrong key: {sent['headers']['authorization']}", 401)
        if kind == "redirect":
            return RedirectResponse(value, 307)
        if kind == "after":
            # Out of order for certain: not before so many later requests have been answered.
            while self.answered < int(value):
                await asyncio.sleep(0.01)
        if kind == "until in flight":
            while self.most_in_flight < int(value):
                await asyncio.sleep(0.01)
        if kind == "hang":
            await asyncio.sleep(60)
        if kind == "around":
            text = f"Here are [some] pairs:\n```json\n{text}\n```\nI hope {{this}} helps [a lot]!"
        if kind == "cut text":
            return completion(body, text[: len(text) // 2], "length")
        if kind == "nonsense":
            text = value
        if kind == "no choices":
            return JSONResponse({"object": "error"})
        if kind == "cut connection":
            return StreamingResponse(iter([b'{"id": "0", "choi']), headers={"Content-Length": "100000"})
        return completion(body, text, "stop")


def completion(body: dict[str, Any], text: str, finish_reason: str) -> Response:
    """Return a response of the protocol: a chat completion, or a completion to a request with a prompt.

    https://platform.openai.com/docs/api-reference/chat/object and .../completions/object
    """
    is_chat = "messages" in body
    written = {"message": {"role": "assistant", "content": text}} if is_chat else {"text": text}
    answer = {
        "id": "cmpl-0",
        "object": "chat.completion" if is_chat else "text_completion",
        "created": 0,
        "model": f"served-{body['model']}",
        "choices": [{"index": 0, **written, "finish_reason": finish_reason, "logprobs": None}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 10, "total_tokens": 11},
    }
    # In ASCII, since a JSONResponse refuses half of a surrogate pair.
    return Response(json.dumps(answer), media_type="application/json")


def main() -> None:
    """Serve on a free port, which the first line of the output names."""
    server = ChatServer(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), Path(sys.argv[2]))
    listening = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write(f"{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    paths = ("/v1/chat/completions", "/v1/completions")
    app = Starlette(routes=[Route(path, server.answer, methods=["POST"]) for path in paths])
    uvicorn.Server(uvicorn.Config(app, log_level="critical")).run(sockets=[listening])


if __name__ == "__main__":
    main()
