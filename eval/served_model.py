"""Define a model behind a server, which `--models` names as openai:URL#MODEL."""

from dataclasses import dataclass

from dataset_builder.errors import InputError
from dataset_builder.files import sha256_of_text
from dataset_builder.prompt import MAX_ANSWER_TOKENS
from dataset_builder.server.settings import Server, ServerOptions, find_server

PREFIX = "openai:"
SERVED_FORM = f"{PREFIX}URL#MODEL"
# Greedy decoding: https://platform.openai.com/docs/api-reference/chat/create, "temperature".
TEMPERATURE = 0.0


@dataclass(frozen=True)
class ServedModel:
    """A model behind a `server` that speaks OpenAI's protocol, and its `name` in errors."""

    name: str
    server: Server

    @property
    def given(self) -> str:
        """Return the model as `--models` names it."""
        return f"{PREFIX}{self.server.url}#{self.server.model}"

    @property
    def fingerprint(self) -> str:
        """Return the SHA-256 over the address, the model's name and the settings. The weights are not known."""
        return sha256_of_text(f"{self.given}\ntemperature {TEMPERATURE}\nmax_tokens {MAX_ANSWER_TOKENS}")


def find_served_model(name: str, given: str, options: ServerOptions) -> ServedModel:
    """Return the model of the form `SERVED_FORM`; raises `InputError` for another form or a wrong address."""
    url, _, model = given.removeprefix(PREFIX).partition("#")
    if not url or not model:
        raise InputError(f"{name}={given}: must be {SERVED_FORM}; put the server's name of the model after the #")
    return ServedModel(name, find_server(f"{name}={given}", url, model, options))
