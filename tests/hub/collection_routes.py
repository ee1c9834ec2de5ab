"""The collections of the loopback Hub: a JSON file each, in the form of the Hub's answers."""

from __future__ import annotations

import json
import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.hub.store import Store
from tests.hub.users import NAMESPACES, refuse, user_of


class Collections:
    """The handlers, by the paths of the Hub's API."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.folder = store.root / "collections"
        self.folder.mkdir(exist_ok=True)

    def routes(self) -> list[Route]:
        """Return the routes."""
        one = "/api/collections/{namespace}/{slug}"
        return [
            Route("/api/collections", self._list),
            Route("/api/collections", self._create, methods=["POST"]),
            Route(one, self._show),
            Route(one + "/items", self._add, methods=["POST"]),
        ]

    async def _list(self, request: Request) -> Response:
        """GET /api/collections: with the first four items of each, and without its position."""
        found = [json.loads(path.read_text()) for path in sorted(self.folder.iterdir())]
        owned = [one for one in found if one["owner"]["name"] == request.query_params["owner"]]
        answer = [{**one, "items": one["items"][:4]} for one in owned]
        return JSONResponse([{key: value for key, value in one.items() if key != "position"} for one in answer])

    async def _create(self, request: Request) -> Response:
        """POST /api/collections."""
        wanted = await request.json()
        self._check_writer(request, wanted["namespace"])
        collection = {
            "slug": f"{wanted['namespace']}/{wanted['title'].lower()}-{secrets.token_hex(12)}",
            "title": wanted["title"],
            "description": wanted["description"],
            "owner": {"name": wanted["namespace"], "type": "org"},
            **{"private": wanted["private"], "position": 0, "theme": "blue", "upvotes": 0, "items": []},
        }
        return self._saved(collection)

    async def _show(self, request: Request) -> Response:
        """GET /api/collections/SLUG."""
        return JSONResponse(self._find(request))

    async def _add(self, request: Request) -> Response:
        """POST /api/collections/SLUG/items: at the end."""
        collection, wanted = self._find(request), await request.json()
        self._check_writer(request, request.path_params["namespace"])
        item = wanted["item"]
        if self.store.repo(item["type"], item["id"]) is None:
            raise refuse(404, "Repository not found", "RepoNotFound")
        note, place = {"text": wanted["note"]}, len(collection["items"])
        collection["items"].append({"_id": secrets.token_hex(12), **item, "note": note, "position": place})
        return self._saved(collection)

    def _find(self, request: Request) -> dict[str, Any]:
        path = self.folder / f"{request.path_params['namespace']}--{request.path_params['slug']}.json"
        if not path.is_file():
            raise refuse(404, "Collection not found")
        return json.loads(path.read_text())

    def _saved(self, collection: dict[str, Any]) -> Response:
        collection["lastUpdated"] = "2026-01-01T00:00:00.000Z"
        (self.folder / f"{collection['slug'].replace('/', '--')}.json").write_text(json.dumps(collection))
        return JSONResponse(collection)

    def _check_writer(self, request: Request, namespace: str) -> None:
        user = user_of(request)
        if user is None or namespace not in NAMESPACES[user[0]] or user[1] != "write":
            raise refuse(403, "You don't have the rights to write here")
