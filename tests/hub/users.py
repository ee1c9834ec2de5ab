"""The users of the loopback Hub, and how it refuses a request."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request

# Tokens by user and role. All other namespaces of "somebody" are organisations: a laboratory, and the organisations of
# models that notebooks load under their real names.
TOKENS = {
    "hf_loopbackwriter": ("somebody", "write"),
    "hf_loopbackreader": ("somebody", "read"),
}
NAMESPACES = {
    "somebody": ("somebody", "lab", "openai-community", "sentence-transformers"),
}


def user_of(request: Request) -> tuple[str, str] | None:
    """Return name and role by the request's token, None without one; a wrong one is refused."""
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    if not given:
        return None
    if given not in TOKENS:
        raise refuse(401, "Invalid credentials in Authorization header")
    return TOKENS[given]


def refuse(status: int, message: str, code: str | None = None, **headers: str) -> HTTPException:
    """Return the error in the Hub's form; X-Error-Code picks the client's exception."""
    named = {"X-Error-Code": code} if code else {}
    return HTTPException(status, message, {"X-Error-Message": message, **named, **headers})
