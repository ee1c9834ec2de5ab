"""`python -m tests.chat_server SCRIPT LOG`: a real server on loopback that speaks the chat-completions protocol.

It prints its port and answers every request with two pairs made of the abstract's first sentences, as a teacher would
that copies, in the object of the response_format, which it refuses where OpenAI does. SCRIPT is a JSON object: by a
part of the prompt, what to do with the first, second, ... request that holds it, before the last answer is given again
and again. LOG gets a line for each request.
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
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

SENTENCE = re.compile(r"(?<=\.)\s+(?=[A-Z])")


def pairs_on(prompt: str) -> list[dict[str, str]]:
    """Return the pairs that the server writes on the paper of a prompt with lines "Title: " and "Abstract: "."""
    title = re.search(r"^Title: (.*)$", prompt, re.MULTILINE)[1]
    sentences = SENTENCE.split(re.search(r"^Abstract: (.*)$", prompt, re.MULTILINE)[1])
    return [
        {"question": f"What is said {place} in the abstract of {title}?", "answer": sentence}
        for place, sentence in zip(("first", "second"), sentences, strict=False)
    ]


class ChatServer:
    """The state of the server: what it does next for whom, and how many answers it has given."""

    def __init__(self, script: dict[str, list[str]], log: Path) -> None:
        self.script = script
        self.log = log
        self.asked: dict[str, int] = {}
        self.in_flight = self.most_in_flight = self.answered = 0

    async def chat(self, request: Request) -> Response:
        """Answer one request as the script says."""
        body = await request.json()
        prompt = body["messages"][0]["content"]
        key = next((key for key in self.script if key in prompt), "")
        number = self.asked[key] = self.asked.get(key, -1) + 1
        acts = self.script.get(key, [])
        act = acts[number] if number < len(acts) else "answer"
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        sent = {"body": body, "headers": dict(request.headers), "query": request.url.query}
        with self.log.open("a", encoding="utf-8") as log:
            log.write(json.dumps({**sent, "act": act, "in_flight": self.in_flight}) + "\n")
        try:
            if body["response_format"]["json_schema"]["schema"]["type"] != "object":
                return PlainTextResponse("schema must be a JSON Schema of 'type: \"object\"'", 400)
            return await self._act(act, body, json.dumps({"pairs": pairs_on(prompt)}, ensure_ascii=False))
        finally:
            self.in_flight -= 1
            self.answered += 1

    async def _act(self, act: str, body: dict[str, Any], text: str) -> Response:
        kind, _, value = act.partition(":")
        if kind == "status":
            status, _, pause = value.partition(",")
            return PlainTextResponse("no", int(status), {"Retry-After": pause} if pause else {})
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
    """Return a response of the protocol, https://platform.openai.com/docs/api-reference/chat/object."""
    message = {"role": "assistant", "content": text}
    answer = {
        "id": "chatcmpl-0",
        "object": "chat.completion",
        "created": 0,
        "model": f"served-{body['model']}",
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason, "logprobs": None}],
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
    app = Starlette(routes=[Route("/v1/chat/completions", server.chat, methods=["POST"])])
    uvicorn.Server(uvicorn.Config(app, log_level="critical")).run(sockets=[listening])


if __name__ == "__main__":
    main()
