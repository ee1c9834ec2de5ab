"""Run a teacher on a server that speaks the chat-completions protocol, with many requests at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from dataset_builder.corpus.manifest import SERVED_AS, BackendName, Response
from dataset_builder.generate.responses import OnResults, PaperResult, Request, derive_seed
from dataset_builder.generate.schema import can_parse, example_pairs, response_format
from dataset_builder.server.client import CompletionRequest, ServerClient
from dataset_builder.server.settings import Server
from dataset_builder.teachers.teacher import Teacher


@dataclass(frozen=True)
class HTTPBackend:
    """Run a teacher on a server."""

    server: Server
    name: ClassVar[BackendName] = "http"

    @property
    def served_model(self) -> str:
        """Return the model that the server is asked for."""
        return self.server.model

    def respond(
        self, teacher: Teacher, requests: Sequence[Request], seed: int, share: slice, on_results: OnResults
    ) -> None:
        """Generate the responses of this process, paper by paper; see `Backend.respond`.

        A paper whose requests fail stays unfinished. Raises `InputError` as `ServerClient.run`.
        """
        own = requests[share]
        if not own:
            return
        client = ServerClient(self.server, f"--endpoint {self.server.url}")
        schema = response_format(teacher.limits)
        examples = example_pairs(teacher)

        async def finish_paper(request: Request) -> None:
            responses: list[Response] = []
            made_by = ""
            for attempt in range(teacher.limits.attempts):
                attempt_seed = derive_seed(seed, request.paper_id, attempt)
                completion = await client.complete(
                    CompletionRequest(
                        label=request.paper_id,
                        prompt=request.prompt,
                        max_tokens=teacher.limits.new_tokens,
                        temperature=teacher.sampling.temperature,
                        top_p=teacher.sampling.top_p,
                        seed=attempt_seed,
                        response_format=schema,
                    )
                )
                made_by = f"{SERVED_AS}{completion.model}"
                responses.append(
                    Response(
                        seed=attempt_seed,
                        text=completion.text,
                        finish_reason=completion.finish_reason,
                        tokens=completion.tokens,
                    )
                )
                if can_parse(completion.text, teacher.limits, examples):
                    break
            result = PaperResult(
                paper_id=request.paper_id, request_sha256=request.sha256, made_by=made_by, responses=responses
            )
            on_results([result])

        client.run(own, finish_paper)
