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
            Route(one + "/items/{item}", self._change, methods=["PATCH"]),
        ]

    async def _list(self, request: Request) -> Response:
        """GET /api/collections: with the first four items of each, and without its position."""
        found = [json.loads(path.read_text()) for path in sorted(self.folder.iterdir())]
        owned = [one for one in found if one["owner"]["name"] == request.query_params["owner"]]
        shown = [one for one in owned if not one["private"] or self._may_write(request, one["owner"]["name"])]
        answer = [{**one, "items": one["items"][:4]} for one in shown]
        return JSONResponse([{key: value for key, value in one.items() if key != "position"} for one in answer])

    async def _create(self, request: Request) -> Response:
        """POST /api/collections."""
        wanted = await request.json()
        self._check_writer(request, wanted["namespace"])
        for path in self.folder.iterdir():
            held = json.loads(path.read_text())
            if (held["owner"]["name"], held["title"]) == (wanted["namespace"], wanted["title"]):
                return JSONResponse({"error": "You already have this collection", "slug": held["slug"]}, 409)
        if len(wanted["description"]) > 150:
            raise refuse(400, "The description is too long")
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
        if any((held["type"], held["id"]) == (item["type"], item["id"]) for held in collection["items"]):
            raise refuse(409, "This item is in the collection already")
        if len(wanted["note"]) > 500:
            raise refuse(400, "The note is too long")
        note, place = {"text": wanted["note"]}, len(collection["items"])
        collection["items"].append({"_id": secrets.token_hex(12), **item, "note": note, "position": place})
        return self._saved(collection)

    async def _change(self, request: Request) -> Response:
        """PATCH /api/collections/SLUG/items/ID: the note, or the place among the items."""
        collection, wanted = self._find(request), await request.json()
        self._check_writer(request, request.path_params["namespace"])
        item = next(held for held in collection["items"] if held["_id"] == request.path_params["item"])
        if "note" in wanted:
            item["note"] = {"text": wanted["note"]}
        if "position" in wanted:
            collection["items"].remove(item)
            collection["items"].insert(wanted["position"], item)
        for place, held in enumerate(collection["items"]):
            held["position"] = place
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

    def _may_write(self, request: Request, namespace: str) -> bool:
        user = user_of(request)
        return user is not None and namespace in NAMESPACES[user[0]] and user[1] == "write"

    def _check_writer(self, request: Request, namespace: str) -> None:
        if not self._may_write(request, namespace):
            raise refuse(403, "You don't have the rights to write here")
